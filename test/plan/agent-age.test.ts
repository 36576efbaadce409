/** Files of the agent-based installer: their certificates and tokens expire, and only nodes that install need them. */
import t from 'tap'
import { agentFindings } from '../../src/plan/agent-age.ts'
import type { ImageFacts } from '../../src/plan/facts.ts'
import { agentImage, exampleModel, exampleSite, found, liveImage } from '../support/model.ts'

const madeAt = Date.UTC(2026, 10, 1)
const hour = 3_600_000
const agent = { ...agentImage('/srv/rhcos'), madeAt }

function findings(image: ImageFacts, hours: number, boot = 'install') {
  const site = exampleSite()
  for (const node of site.clusters[0]!.nodes) Object.assign(node, { boot })
  const model = exampleModel(site, { images: new Map([['rhcos', image]]) })
  return agentFindings(model, madeAt + hours * hour)
}

t.test('files that install a cluster expire after a day', (t) => {
  t.same(findings(agent, 23), [])
  t.same(findings(agent, 30), [
    {
      code: 'image.agent-expired',
      severity: 'warning',
      about: 'image rhcos',
      message:
        '/srv/rhcos/agent.x86_64-initrd.img is 30 h old, and its certificates expired after 24 h: ' +
        'before you install nodes, create the files again with `openshift-install agent create pxe-files`',
    },
  ])
  t.end()
})

t.test('files that add nodes expire after two days', (t) => {
  const node = { ...agent, initramfs: found('/srv/rhcos/node.x86_64-initrd.img') }
  t.same(findings(node, 47), [])
  t.match(findings(node, 48), [
    { message: /its token expired after 48 h: .* `oc adm node-image create --pxe`$/ },
  ])
  t.end()
})

t.test('other images, nodes that do not install, and a file without a time have no age', (t) => {
  t.same(findings(liveImage('/srv/rhcos'), 99), [])
  t.same(findings(agentImage('/srv/rhcos'), 99), [])
  t.same(findings(agent, 99, 'local'), [])
  t.end()
})
