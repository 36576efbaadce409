import t from 'tap'
import { formatIp, parseIp, type Ip, parseCidr, type Cidr } from '../../../src/proto/address/ip.ts'
import { reverseName, reverseNames, servedWhole, subnetZones } from '../../../src/plan/dns/names.ts'
import { guideModel } from './guide.ts'

const cidr = (text: string) => parseCidr(text) as Cidr

t.test('reverse names (RFC 1035 §3.5, RFC 3596 §2.5)', (t) => {
  t.equal(reverseName(parseIp('172.16.0.21') as Ip), '21.0.16.172.in-addr.arpa')
  t.equal(
    reverseName(parseIp('4321:0:1:2:3:4:567:89ab') as Ip),
    'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa',
    "the RFC's own example",
  )
  t.end()
})

t.test('the zones of a subnet are on octet boundaries', (t) => {
  const cases = [
    { subnet: '10.0.0.0/8', zones: ['10.in-addr.arpa'] },
    { subnet: '172.16.0.0/16', zones: ['16.172.in-addr.arpa'] },
    { subnet: '172.16.0.0/15', zones: ['16.172.in-addr.arpa', '17.172.in-addr.arpa'] },
    { subnet: '172.16.2.0/23', zones: ['2.16.172.in-addr.arpa', '3.16.172.in-addr.arpa'] },
    { subnet: '172.16.0.0/24', zones: ['0.16.172.in-addr.arpa'] },
    { subnet: '172.16.0.128/25', zones: ['0.16.172.in-addr.arpa'] },
    { subnet: '172.16.0.7/32', zones: ['0.16.172.in-addr.arpa'] },
    { subnet: '10.0.0.0/7', zones: ['10.in-addr.arpa', '11.in-addr.arpa'] },
  ]
  for (const { subnet, zones } of cases) t.same(subnetZones(cidr(subnet)), zones, subnet)
  t.end()
})

t.test('a subnet smaller than a /24 uses the zone of its /24', (t) => {
  t.equal(servedWhole(cidr('203.0.113.16/28')), '203.0.113.0/24')
  t.equal(servedWhole(cidr('203.0.113.0/24')), undefined)
  t.end()
})

t.test('PTR targets of addresses', (t) => {
  const leads = (address: string, change?: Parameters<typeof guideModel>[0]) =>
    reverseNames(guideModel(change)).find((name) => formatIp(name.address) === address)?.targets
  t.same(leads('172.16.0.21'), ['m1.ocp45.example.localdomain'])
  t.same(leads('172.16.0.110'), ['api-int.ocp45.example.localdomain'])
  t.same(leads('172.16.0.111'), ['api.ocp45.example.localdomain'], 'and not to the wildcard')
  t.same(leads('172.16.0.102'), ['ns1.example.localdomain'])
  t.same(
    leads('172.16.0.110', (site) =>
      site.hosts.push({ name: 'lb1.example.localdomain', address: '172.16.0.110' }),
    ),
    ['lb1.example.localdomain', 'api-int.ocp45.example.localdomain'],
    'a load balancer that is declared leads to its own name first',
  )
  t.same(
    leads('172.16.0.21', (site) => {
      const [cluster] = site.clusters
      if (cluster !== undefined) cluster.loadBalancer = { api: '172.16.0.21', ingress: '172.16.0.21' }
    }),
    ['m1.ocp45.example.localdomain'],
    'a node that is its own load balancer leads to the node only (openshift/installer#6146)',
  )
  t.end()
})
