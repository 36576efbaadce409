import t from 'tap'
import { networkFindings } from '../../../src/plan/network/findings.ts'
import { ipv6Site } from '../../support/ipv6-site.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

const mac = ['00:00:5e:00:53:21', '00:00:5e:00:53:22']

function findingsOf(network: object | undefined, { subnets }: { subnets?: object[] } = {}): string[] {
  const site = exampleSite()
  const nodes = site.clusters[0]?.nodes ?? []
  nodes[2] = { ...nodes[2], mac, ...(network !== undefined && { network }) }
  const changed = { ...site, ...(subnets !== undefined && { subnets }) } as typeof site
  return networkFindings(exampleModel(changed)).map(
    ({ code, severity, about, message }) => `${code} ${severity} ${about}: ${message}`,
  )
}

const ipv4 = { address: [{ ip: '192.0.2.21', 'prefix-length': 24 }] }
const interfaces = [{ name: 'eno1', type: 'ethernet', ipv4 }]
const routeTo = (router: string) => ({
  config: [{ destination: '0.0.0.0/0', 'next-hop-address': router, 'next-hop-interface': 'eno1' }],
})
const resolver = (...server: string[]) => ({ config: { server } })

t.test('a section that agrees with its subnet has no findings', (t) => {
  t.same(findingsOf(undefined), [])
  t.same(findingsOf({ interfaces }), [])
  t.same(findingsOf({ interfaces, routes: { config: [] }, 'dns-resolver': resolver('192.0.2.2') }), [])
  t.same(
    findingsOf({ interfaces, routes: routeTo('192.0.2.9') }, { subnets: [{ cidr: '192.0.2.0/24' }] }),
    [],
  )
  t.same(findingsOf({ interfaces: [{ name: 'eno1', type: 'ethernet', ipv4: { dhcp: true } }] }), [])
  t.end()
})

t.test('another gateway and other resolvers than those of the subnet are warnings', (t) => {
  const about = 'boot.network-differs warning ocp45/w1:'
  t.same(findingsOf({ interfaces, routes: routeTo('192.0.2.9') }), [
    `${about} the default route of network leads to 192.0.2.9, but the gateway of its subnet is 192.0.2.1: correct one of the two if both are not routers`,
  ])
  t.same(findingsOf({ interfaces, 'dns-resolver': resolver('192.0.2.53', '198.51.100.53') }), [
    `${about} network uses 192.0.2.53, 198.51.100.53, but DHCP gives the nodes of its subnet 192.0.2.2: check that these resolvers answer api-int of the cluster`,
  ])
  t.same(
    findingsOf(
      { interfaces, 'dns-resolver': resolver() },
      { subnets: [{ cidr: '192.0.2.0/24', dns: ['192.0.2.53', '192.0.2.54'] }] },
    ),
    [
      `${about} network has no resolver, but DHCP gives the nodes of its subnet 192.0.2.53, 192.0.2.54: check that these resolvers answer api-int of the cluster`,
    ],
  )
  t.end()
})

t.test('a node with only an IPv6 address has the resolver of its network, and needs a default route', (t) => {
  const site = ipv6Site()
  const m1 = site.clusters[0]?.nodes[1] ?? {}
  const findings = (network: object) => {
    m1['network'] = network
    return networkFindings(exampleModel(site)).map(({ message }) => message)
  }
  const address = [{ ip: 'fd00:16::11', 'prefix-length': 64 }]
  const statically = { interfaces: [{ name: 'eno1', type: 'ethernet', ipv6: { address } }] }
  t.match(findings(statically), [/^network has no IPv6 default route/])
  const [, node] = exampleModel(site).nodes
  t.same(node?.network?.servers, ['fd00:16::101'])
  t.same(findings({ interfaces: [{ name: 'eno1', type: 'ethernet', ipv6: { autoconf: true } }] }), [])
  const route = { destination: '::/0', 'next-hop-address': 'fe80::1', 'next-hop-interface': 'eno1' }
  t.same(findings({ ...statically, routes: { config: [route] } }), [])
  t.end()
})

t.test('a port with a MAC address that the node does not list is a warning', (t) => {
  const ports = [...mac, '00:00:5e:00:53:23'].map((address, index) => ({
    name: `eno${index + 1}`,
    type: 'ethernet',
    'mac-address': address,
  }))
  const other = { name: 'eno9', type: 'ethernet', 'mac-address': '00:00:5e:00:53:99', mtu: 9000 }
  const bond = {
    name: 'bond0',
    type: 'bond',
    'link-aggregation': { mode: 'active-backup', port: ['eno1', 'eno2', 'eno3'] },
  }
  const vlan = { name: 'bond0.7', type: 'vlan', vlan: { 'base-iface': 'bond0', id: 7 }, ipv4 }
  const expected = [
    'boot.port-undeclared warning ocp45/w1: eno3 has the MAC address 00:00:5e:00:53:23, which mac does not list, so the node cannot boot from it: add it to mac',
  ]
  t.same(findingsOf({ interfaces: [...ports, other, { ...bond, ipv4 }] }), expected)
  t.same(findingsOf({ interfaces: [...ports, other, bond, vlan] }), expected)
  const unlisted = { name: 'lan', type: 'ethernet', 'mac-address': '00:00:5e:00:53:24', ipv4 }
  t.match(findingsOf({ interfaces: [unlisted] }), [/ lan has the MAC address 00:00:5e:00:53:24, which/])
  t.end()
})
