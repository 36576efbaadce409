import t from 'tap'
import { compileDhcpv6 } from '../../../src/plan/dhcpv6/compile.ts'
import { formatDuid, type Duid } from '../../../src/proto/dhcpv6/duid.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { OptionCode } from '../../../src/proto/dhcpv6/option.ts'
import { encodeFqdn, encodeNames } from '../../../src/proto/dhcpv6/values.ts'
import { chooseBoot } from '../../../src/plan/dhcp/boot-table.ts'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import { i1Duid, ipv6Model, ipv6Plan, ipv6Site, m1Mac, octets6, w1Mac } from '../../support/ipv6-site.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

const plan = ipv6Plan()
const pxe = { protocol: 'PXEClient', architectures: [7], isIpxe: false, takesScript: false } as const

t.test('a site without IPv6 networks has no plan of DHCPv6', (t) => {
  t.equal(compileDhcpv6(exampleModel()), undefined)
  const site = exampleSite()
  site.server['address6'] = 'fd00:16::101'
  t.equal(compileDhcpv6(exampleModel(site)), undefined)
  t.end()
})

t.test('machines with an address in subnets6 have a reservation', (t) => {
  t.same(
    [...plan.reservationByMac].map(([mac, { name, address }]) => [mac, name, address]),
    [
      ['00:00:5e:00:53:11', 'ocp45/m1', 'fd00:16::11'],
      ['00:00:5e:00:53:21', 'ocp45/w1', 'fd00:16::21'],
      ['00:00:5e:00:53:31', 'ocp45/i1', 'fd00:16::31'],
      ['00:00:5e:00:53:22', 'ocp45/w2', 'fd00:17::22'],
      ['00:00:5e:00:53:99', 'switch.example.net', 'fd00:16::99'],
    ],
  )
  t.equal(plan.reservationByDuid.get(i1Duid as Duid)?.name, 'ocp45/i1')
  t.equal(plan.reservationByDuid.size, 1)
  t.end()
})

t.test('the DUID of the server is derived from its address, as a UUID of version 8 (RFC 9562 §5.8)', (t) => {
  t.equal(formatDuid(plan.serverDuid), '00:04:fd:00:00:16:00:00:80:00:80:00:00:00:00:00:01:01')
  t.same([plan.serverPort, plan.clientPort], [547, 546])
  const site = ipv6Site()
  site.server['ports'] = { dhcp6: 10_547, dhcp6Client: 10_546 }
  const other = ipv6Plan(site)
  t.same([other.serverPort, other.clientPort], [10_547, 10_546])
  t.end()
})

t.test('resolvers, search list, name, and refresh time', (t) => {
  const m1 = plan.reservationByMac.get(m1Mac)!
  t.same(m1.options.get(OptionCode.dnsServers), octets6('fd00:16::101'))
  t.same(m1.options.get(OptionCode.domainList), encodeNames(['ocp45.example.net']))
  t.same(m1.options.get(OptionCode.clientFqdn), encodeFqdn('m1.ocp45.example.net'))
  const far = plan.reservationByMac.get('00:00:5e:00:53:22' as Mac)!
  t.same(far.options.get(OptionCode.domainList), encodeNames(['far.example.net']))
  t.same(
    far.options.get(OptionCode.informationRefreshTime),
    Uint8Array.of(0, 0, 2, 88),
    'RFC 8415 §7.6: at least 600 s',
  )
  t.equal(far.leaseSeconds, 300)
  const elsewhere = ipv6Plan({
    ...ipv6Site(),
    dns: { serve: false },
    subnets: [{ cidr: '192.0.2.0/24', dns: '192.0.2.9' }],
  })
  t.equal(elsewhere.reservationByMac.get(m1Mac)?.options.has(OptionCode.dnsServers), false)
  const site = ipv6Site()
  site.subnets6[0]!['dns'] = ['fd00:16::9']
  t.same(
    ipv6Plan(site).reservationByMac.get(m1Mac)?.options.get(OptionCode.dnsServers),
    octets6('fd00:16::9'),
  )
  t.end()
})

t.test('a multi-homed node has the reservation for each of its MAC addresses', (t) => {
  const site = ipv6Site()
  Object.assign(site.clusters[0]!.nodes[1]!, { mac: [m1Mac, '00:00:5e:00:53:12'] })
  t.equal(ipv6Plan(site).reservationByMac.get('00:00:5e:00:53:12' as Mac)?.name, 'ocp45/m1')
  t.end()
})

t.test('RFC 5970 §3.1: boot files are URLs with the IPv6 address of the server', (t) => {
  const { boot } = plan.reservationByMac.get(m1Mac)!
  t.equal(chooseBoot(boot, pxe).file?.name, 'tftp://[fd00:16::101]/efi/snponly.efi')
  const http = chooseBoot(boot, { ...pxe, protocol: 'HTTPClient', architectures: [16] }).file
  t.equal(http?.name, 'http://[fd00:16::101]/loaders/efi/snponly.efi')
  t.same(
    http?.options.map(({ code }) => code),
    [OptionCode.vendorClass, OptionCode.bootFileUrl],
  )
  const ipxe = chooseBoot(boot, { ...pxe, isIpxe: true, takesScript: true }).file
  t.equal(ipxe?.name, 'http://[fd00:16::101]/boot/ocp45/m1/boot.ipxe')
  t.equal(plan.reservationByMac.get('00:00:5e:00:53:99' as Mac)?.boot, undefined, 'hosts do not boot')
  t.end()
})

t.test('a dual-stack node boots over the version of IP of its first address', (t) => {
  const { plan: ipv4 } = compileDhcp(ipv6Model())
  const reasons = {
    'w1 over IPv6': chooseBoot(plan.reservationByMac.get(w1Mac)?.boot, pxe).reason,
    'i1 over IPv4': chooseBoot(ipv4.reservationByMac.get('00:00:5e:00:53:31' as Mac)?.boot, pxe).reason,
  }
  t.same(reasons, {
    'w1 over IPv6': 'the node boots over IPv4: write its IPv6 address first to boot it over IPv6',
    'i1 over IPv4': 'the node boots over IPv6: write its IPv4 address first to boot it over IPv4',
  })
  t.equal(ipv4.reservationByMac.has(m1Mac), false, 'DHCPv4 does not serve a node without an IPv4 address')
  t.ok(chooseBoot(ipv4.reservationByMac.get(w1Mac)?.boot, pxe).file)
  t.end()
})
