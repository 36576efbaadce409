/** Which sections become kernel arguments; test/plan/network/keyfiles.test.ts compares the arguments of many sections. */
import t from 'tap'
import { planInstall } from '../../../src/plan/boot/boot-plan.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'
import { networkNode } from '../../support/network-cases.ts'

const ethernet = (ip: string) => ({
  name: 'eno1',
  type: 'ethernet',
  ipv4: { address: [{ ip, 'prefix-length': 24 }] },
})

t.test('keys of a node replace those of its cluster', (t) => {
  const site = exampleSite()
  const network = {
    interfaces: [{ name: 'eno9', type: 'ethernet', ipv4: { dhcp: true } }],
    'dns-resolver': { config: { server: ['192.0.2.53'] } },
    routes: { config: [] },
  }
  const nodes = site.clusters[0]?.nodes.map((node) =>
    node['name'] === 'w1' ? { ...node, network: { interfaces: [ethernet('192.0.2.21')] } } : node,
  )
  const clusters = site.clusters.map((cluster) => ({ ...cluster, network, nodes: nodes ?? [] }))
  const model = exampleModel({ ...site, clusters })
  const argumentsOf = (name: string) => model.nodes.find((node) => node.name === name)?.kernelArguments
  t.same(argumentsOf('m1'), ['ip=eno9:dhcp', 'nameserver=192.0.2.53', 'rd.neednet=1'])
  t.same(argumentsOf('w1'), [
    'ip=192.0.2.21:::255.255.255.0:w1.ocp45.example.net:eno1:none',
    'nameserver=192.0.2.53',
    'rd.neednet=1',
  ])
  t.end()
})

t.test('the live system gets them instead of ip=dhcp, with its other arguments', (t) => {
  const site = exampleSite()
  const nodes = site.clusters[0]?.nodes ?? []
  nodes[2] = { ...nodes[2], console: 'ttyS0', network: { interfaces: [ethernet('192.0.2.21')] } }
  const model = exampleModel(site)
  const [, , worker] = model.nodes
  if (worker === undefined) throw new Error('the example site has no worker')
  const plan = planInstall(model, worker, 'worker')
  t.match(plan, { kind: 'install' })
  if (plan.kind !== 'install') return
  t.same(plan.arguments.slice(-4), [
    'ip=192.0.2.21::192.0.2.1:255.255.255.0:w1.ocp45.example.net:eno1:none',
    'nameserver=192.0.2.2',
    'console=ttyS0',
    'rd.neednet=1',
  ])
  t.notOk(plan.arguments.includes('ip=dhcp'))
  t.end()
})

t.test('a section without interfaces leaves the network to DHCP', (t) => {
  const node = networkNode({ network: { use: 'arguments' } })
  t.same(node.kernelArguments, [])
  t.equal(node.network, undefined)
  t.end()
})
