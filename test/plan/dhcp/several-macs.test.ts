/** Machines with several MAC addresses: one reservation, and a warning where all interfaces would request it at once. */
import t from 'tap'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import { agentImage, exampleModel, exampleSite } from '../../support/model.ts'

const macs = ['00:00:5e:00:53:11', '00:00:5e:00:53:a1'] as Mac[]

/** Compiles the example site whose m1 has two MAC addresses, with changes of m1, its subnet, and the facts. */
function compiled(node: object, subnet: object = {}, facts = {}) {
  const site = exampleSite()
  Object.assign(site.clusters[0]!.nodes[1]!, { mac: macs, ...node })
  Object.assign(site.subnets[0]!, subnet)
  const host = {
    name: 'ns1.example.net',
    address: '192.0.2.40',
    mac: ['00:00:5e:00:53:40', '00:00:5e:00:53:b0'],
  }
  return compileDhcp(exampleModel(Object.assign(site, { hosts: [host] }), facts))
}

const proxy = { dhcp: 'proxy', gateway: undefined }
const bond = { kernelArguments: ['bond=bond0:eno1,eno2', 'ip=bond0:dhcp'] }

t.test('each MAC address of a machine gets its one reservation', (t) => {
  const { plan, findings } = compiled(bond)
  const [first, second] = macs.map((mac) => plan.reservationByMac.get(mac))
  t.equal(first, second)
  t.match(first, { name: 'ocp45/m1', address: 0xc000020b })
  t.same(
    [...plan.reservationByMac].slice(-2).map(([mac, { name }]) => [mac, name]),
    [
      ['00:00:5e:00:53:40', 'ns1.example.net'],
      ['00:00:5e:00:53:b0', 'ns1.example.net'],
    ],
  )
  t.same(findings, [])
  const { proxiedByMac } = compiled({}, proxy).plan
  t.equal(proxiedByMac.get(macs[0]!), proxiedByMac.get(macs[1]!))
  t.equal(proxiedByMac.size, 7)
  t.end()
})

t.test('interfaces that would all request the address cause a warning', (t) => {
  const finding = {
    code: 'dhcp.interfaces-share-address',
    severity: 'warning',
    about: 'ocp45/m1',
    message:
      'its live system requests 192.0.2.11 on each of its 2 interfaces, but only one can use it: ' +
      'set kernelArguments, for example bond=bond0:eno1,eno2:mode=active-backup and ip=bond0:dhcp',
  }
  for (const kernelArguments of [[], ['ip=dhcp'], ['ip=any', 'rd.neednet=1']]) {
    t.same(compiled({ kernelArguments }).findings, [finding], kernelArguments.join(' '))
  }
  t.same(compiled({ kernelArguments: ['ip=eno1:dhcp'] }).findings, [], 'one interface requests it')
  t.same(compiled({}, proxy).findings, [], 'another server leases the addresses')
  const images = new Map([['rhcos', agentImage('/images')]])
  t.same(compiled({}, {}, { images }).findings, [], 'the image of an agent has its network settings')
  t.end()
})
