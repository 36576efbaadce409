/** Nodes of clusters whose installers overwrite a disk without asking slipway. test/plan/systems has those of groups. */
import t from 'tap'
import { compileHttp } from '../../src/plan/http/compile.ts'
import { compileInstall } from '../../src/plan/install.ts'
import type { ImageFacts } from '../../src/plan/facts.ts'
import { agentImage, exampleModel, exampleSite, found, installerImage } from '../support/model.ts'

type Case = {
  readonly name: string
  readonly image?: ImageFacts
  readonly cluster?: Readonly<Record<string, unknown>>
  readonly node?: Readonly<Record<string, unknown>>
  readonly nodes?: Readonly<Record<string, unknown>>[]
  readonly message?: string
}

const single = { name: 'n1', role: 'single', mac: '00:00:5e:00:53:31', address: '192.0.2.31' }
const advice = 'needs slipway node install: run it, or set wipe: always'
const cases: Case[] = [
  { name: 'a live system with its unit' },
  {
    name: 'the agent-based installer',
    image: agentImage('/srv/rhcos'),
    message: `files of the agent-based installer run no disk check, so each installation of bs, m1, w1, i1 ${advice}`,
  },
  {
    name: 'OpenShift 4.5',
    image: installerImage('/srv/rhcos'),
    message: `images of OpenShift 4.5 run no disk check, so each installation of bs, m1, w1, i1 ${advice}`,
  },
  {
    name: 'a single node',
    cluster: { nodes: [single], loadBalancer: undefined },
    message: `a single node runs no disk check, so each installation of n1 ${advice}`,
  },
  {
    name: 'callbacks: false',
    cluster: { callbacks: false },
    message:
      'with callbacks: false, nothing looks at the disk first, so each installation of bs, m1, w1, i1 needs slipway node install: run it, set callbacks: true, or set wipe: always',
  },
  { name: 'callbacks: false, and wipe: always', cluster: { callbacks: false, wipe: 'always' } },
]

for (const { name, image, cluster = {}, message } of cases) {
  t.test(`${name}: ${message === undefined ? 'installs by itself' : 'needs an administrator'}`, (t) => {
    const site = exampleSite()
    Object.assign(site.clusters[0] as object, cluster)
    const model = exampleModel(site, image && { images: new Map([['rhcos', image]]) })
    const needed = [...compileInstall(model).values()].filter(({ needsConsent }) => needsConsent)
    t.equal(needed.length, message === undefined ? 0 : model.nodes.length)
    const findings = compileHttp(model).findings.filter(({ code }) => code === 'plan.disk-not-checked')
    t.same(
      findings,
      message === undefined
        ? []
        : [{ code: 'plan.disk-not-checked', severity: 'warning', about: 'cluster ocp45', message }],
    )
    t.end()
  })
}

t.test('the script of another installer, which has its own permission, installs by itself', (t) => {
  const site = exampleSite()
  Object.assign(site.clusters[0] as object, { callbacks: false, script: '/srv/script.ipxe' })
  const script: ImageFacts = { style: 'script', script: found('/srv/script.ipxe') }
  const model = exampleModel(site, { images: new Map([['/srv/script.ipxe', script]]) })
  t.notOk([...compileInstall(model).values()].some(({ needsConsent }) => needsConsent))
  t.end()
})

t.test('a node that boots its disk is not reported', (t) => {
  const site = exampleSite()
  Object.assign(site.clusters[0] as object, { callbacks: false, boot: 'local' })
  t.notMatch(
    compileHttp(exampleModel(site)).findings.map(({ code }) => code),
    ['plan.disk-not-checked'],
  )
  t.end()
})
