/** The values of a node for templates. */
import t from 'tap'
import { nodeFactNames, nodeFacts } from '../../../src/plan/template/node-facts.ts'
import { ipv6Model } from '../../support/ipv6-site.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

const node = (model: ReturnType<typeof exampleModel>, key: string) =>
  model.nodes.find((each) => each.key === key)!

t.test('a node with IPv4', (t) => {
  const site = exampleSite()
  Object.assign(site.subnets[0]!, { dns: ['192.0.2.5', '192.0.2.6'], ntp: '192.0.2.7' })
  const model = exampleModel(site)
  const facts = nodeFacts(model, node(model, 'ocp45/m1'))
  t.strictSame(Object.fromEntries(facts), {
    'node.name': 'm1',
    'node.key': 'ocp45/m1',
    'node.fqdn': 'm1.ocp45.example.net',
    'node.cluster': 'ocp45',
    'node.role': 'master',
    'node.address': '192.0.2.11',
    'node.mac': '00:00:5e:00:53:11',
    'node.disk': '/dev/sda',
    'node.image': 'rhcos',
    'node.prefix': '24',
    'node.netmask': '255.255.255.0',
    'node.gateway': '192.0.2.1',
    'node.dns': '192.0.2.5,192.0.2.6',
    'node.domain': 'ocp45.example.net',
    'node.ntp': '192.0.2.7',
    'site.name': 'lab',
    'server.address': '192.0.2.2',
    'server.url': 'http://192.0.2.2',
  })
  t.same([...facts.keys()], nodeFactNames)
  t.end()
})

t.test('values that the site does not have are absent', (t) => {
  const site = exampleSite()
  delete (site.subnets[0] as { gateway?: string }).gateway
  const model = exampleModel(site)
  const facts = nodeFacts(model, node(model, 'ocp45/w1'))
  t.notOk(facts.has('node.gateway'))
  t.notOk(facts.has('node.ntp'))
  t.equal(facts.get('node.dns'), '192.0.2.2', 'this server resolves names')
  t.end()
})

t.test('a node that boots over IPv6', (t) => {
  const model = ipv6Model()
  const facts = nodeFacts(model, node(model, 'ocp45/m1'))
  t.equal(facts.get('node.address'), 'fd00:16::11')
  t.equal(facts.get('node.prefix'), '64')
  t.notOk(facts.has('node.netmask'))
  t.equal(facts.get('node.dns'), 'fd00:16::101')
  t.equal(facts.get('server.address'), 'fd00:16::101')
  t.equal(facts.get('server.url'), 'http://[fd00:16::101]')
  t.end()
})
