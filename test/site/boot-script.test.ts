/** Which nodes boot the script of another installer, and where it is. */
import t from 'tap'
import { isScriptUrl, scriptOf, scriptsOf } from '../../src/site/boot-script.ts'
import { loadSite } from '../../src/site/load.ts'
import { exampleSite } from '../support/model.ts'

t.test('a node overrides its cluster, and the path of a file is relative to the site file', (t) => {
  const site = exampleSite()
  const [cluster] = site.clusters
  Object.assign(cluster!, { script: './discovery.ipxe' })
  Object.assign(cluster!.nodes[1]!, { script: 'http://h.example.net/s?k=v' })
  Object.assign(cluster!.nodes[2]!, { boot: 'none', mac: undefined })
  cluster!.nodes.pop()
  const loaded = loadSite(JSON.stringify(site), '/etc/slipway/site.yaml')
  if (loaded.kind !== 'site') throw new Error(JSON.stringify(loaded.problems))
  t.same(scriptsOf(loaded.site), ['/etc/slipway/discovery.ipxe', 'http://h.example.net/s?k=v'])
  t.equal(scriptOf({}, {}), undefined)
  t.same(['https://h/', '/srv/x', 'httpd/x'].map(isScriptUrl), [true, false, false])
  t.end()
})
