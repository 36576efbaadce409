import t from 'tap'
import { formatIpv4 } from '../../../src/proto/address/ip.ts'
import { parseMac, type Mac } from '../../../src/proto/address/mac.ts'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import type { Reservation } from '../../../src/plan/dhcp/plan.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

const m1 = parseMac('00:00:5e:00:53:11') as Mac

type Site = ReturnType<typeof exampleSite>

/** The example site with changes, compiled. */
function compiled(change: (site: Site & Record<string, unknown>) => void = () => {}) {
  const site: Site & Record<string, unknown> = exampleSite()
  change(site)
  return compileDhcp(exampleModel(site))
}

function reservation(change?: Parameters<typeof compiled>[0], mac: Mac = m1): Reservation {
  const found = compiled(change).plan.reservationByMac.get(mac)
  if (found === undefined) throw new Error(`no reservation for ${mac}`)
  return found
}

const hex = (octets: Uint8Array | undefined) =>
  octets === undefined ? undefined : Buffer.from(octets).toString('hex')
const text = (value: string) => Buffer.from(value).toString('hex')

/** The first subnet with these keys besides its own. */
const subnet = (keys: object) => (site: Site) => void Object.assign(site.subnets[0] as object, keys)

t.test('every node and every host with a MAC and an IPv4 address has a reservation', (t) => {
  const { plan, findings } = compiled((site) => {
    site.hosts = [
      { name: 'ns1.example.net', address: '192.0.2.40', mac: '00:00:5e:00:53:40' },
      { name: 'ns2.example.net', address: '192.0.2.41' },
      { name: 'ns3.example.net', address: '2001:db8::42', mac: '00:00:5e:00:53:42' },
      { name: 'far.example.net', address: '198.51.100.1', mac: '00:00:5e:00:53:43' },
    ]
  })
  t.same(
    [...plan.reservationByMac].map(([mac, { name, address }]) => [mac, name, formatIpv4(address)]),
    [
      ['00:00:5e:00:53:10', 'ocp45/bs', '192.0.2.10'],
      ['00:00:5e:00:53:11', 'ocp45/m1', '192.0.2.11'],
      ['00:00:5e:00:53:21', 'ocp45/w1', '192.0.2.21'],
      ['00:00:5e:00:53:31', 'ocp45/i1', '192.0.2.31'],
      ['00:00:5e:00:53:40', 'ns1.example.net', '192.0.2.40'],
    ],
  )
  t.same(findings, [])
  t.end()
})

t.test('the address and the ports of the server come from the site', (t) => {
  const { plan } = compiled(
    (site) => void (site.server = { address: '192.0.2.2', ports: { dhcp: 6767, dhcpClient: 6768 } }),
  )
  t.match(plan, { server: 0xc0000202, serverPort: 6767, clientPort: 6768, networks: [{ prefix: 24 }] })
  t.end()
})

t.test('the options of a node in a plain site are in order of importance', (t) => {
  const { options, leaseTime } = reservation()
  t.same(
    [...options].map(([code, { value }]) => [code, hex(value)]),
    [
      [1, 'ffffff00'], // RFC 2132 §3.3: mask
      [3, 'c0000201'], // §3.5: 192.0.2.1
      [6, 'c0000202'], // §3.8: this server, as nothing else is named
      [12, text('m1.ocp45.example.net')], // §3.14: the name that its address resolves to
      [15, text('ocp45.example.net')], // §3.17
      [28, 'c00002ff'], // §5.3
      [58, '0000a8c0'], // §9.11: 43200 s, half of
      [59, '00012750'], // §9.12: 75600 s, seven eighths of
    ],
  )
  t.equal(hex(leaseTime.value), '00015180', '86400 s')
  t.end()
})

const declared = [
  { name: 'no gateway: no option 3', keys: { gateway: undefined }, code: 3, value: undefined },
  {
    name: 'option 6: the resolvers in their order',
    keys: { dns: ['192.0.2.9', '192.0.2.8'] },
    code: 6,
    value: 'c0000209c0000208',
  },
  {
    name: "option 15: the subnet's domain",
    keys: { domain: 'lab.example.net' },
    code: 15,
    value: text('lab.example.net'),
  },
  { name: 'option 42: time servers', keys: { ntp: ['192.0.2.7'] }, code: 42, value: 'c0000207' },
  { name: 'no time servers: no option 42', keys: {}, code: 42, value: undefined },
  {
    name: 'option 119 (RFC 3397): the search list',
    keys: { search: ['a.net', 'b.org'] },
    code: 119,
    value: '0161036e65740001620 36f726700'.replace(' ', ''),
  },
  { name: 'option 26: the MTU', keys: { mtu: 9000 }, code: 26, value: '2328' },
  { name: 'no MTU: no option 26', keys: {}, code: 26, value: undefined },
  {
    name: 'RFC 3442: option 121 contains the default route, because clients that read it ignore option 3',
    keys: { routes: [{ to: '10.17.0.0/16', via: '192.0.2.5' }] },
    code: 121,
    value: '00c0000201' + '100a11c0000205',
  },
  {
    name: 'RFC 3442: without a gateway there is no default route to repeat',
    keys: { gateway: undefined, routes: [{ to: '10.17.0.0/16', via: '192.0.2.5' }] },
    code: 121,
    value: '100a11c0000205',
  },
  {
    name: 'option 249: the routes of option 121',
    keys: { routes: [{ to: '10.17.0.0/16', via: '192.0.2.5' }] },
    code: 249,
    value: '00c0000201' + '100a11c0000205',
  },
  {
    name: 'option 33: the routes that it can express, without the default route',
    keys: {
      routes: [
        { to: '10.17.0.0/16', via: '192.0.2.5' },
        { to: '10.0.0.0/8', via: '192.0.2.6' },
      ],
    },
    code: 33,
    value: '0a000000c0000206',
  },
  { name: 'no routes: no option 121', keys: {}, code: 121, value: undefined },
  { name: 'no routes: no option 33', keys: {}, code: 33, value: undefined },
  { name: 'no search list: no option 119', keys: {}, code: 119, value: undefined },
  {
    name: 'option 58: half of an odd lease, rounded down',
    keys: { leaseSeconds: 4001 },
    code: 58,
    value: '000007d0',
  },
  {
    name: 'option 59: seven eighths, rounded down',
    keys: { leaseSeconds: 4001 },
    code: 59,
    value: '00000dac',
  },
  { name: 'option 59 of the longest lease', keys: { leaseSeconds: 0xfffffffe }, code: 59, value: 'dffffffe' },
]
for (const { name, keys, code, value } of declared) {
  t.test(name, (t) => {
    t.equal(hex(reservation(subnet(keys)).options.get(code)?.value), value)
    t.end()
  })
}

t.test(
  'of options without a key of their own, the most specific one counts: node, cluster, subnet, site',
  (t) => {
    const { options, unrequested } = reservation((site) => {
      const text = (text: string) => (code: number) => ({ code, text, always: text === 'subnet' })
      site['dhcpOptions'] = [150, 151, 152, 153].map(text('site'))
      Object.assign(site.subnets[0] as object, { dhcpOptions: [151, 152, 153].map(text('subnet')) })
      Object.assign(site.clusters[0] as object, { dhcpOptions: [152, 153].map(text('cluster')) })
      Object.assign(site.clusters[0]?.nodes[1] as object, { dhcpOptions: [153].map(text('node')) })
    })
    const said = [150, 151, 152, 153].map((code) => Buffer.from(options.get(code)?.value ?? []).toString())
    t.same(said, ['site', 'subnet', 'cluster', 'node'])
    t.same(unrequested, [151], 'what a narrower place says takes `always` back')
    t.end()
  },
)

t.test('a host can declare its own boot options', (t) => {
  const mac = parseMac('00:00:5e:00:53:40') as Mac
  const { options } = reservation((site) => {
    const dhcpOptions = [{ code: 66, text: 'ztp.example.net' }]
    site.hosts = [{ name: 'switch.example.net', address: '192.0.2.40', mac, dhcpOptions }]
  }, mac)
  t.equal(hex(options.get(66)?.value), text('ztp.example.net'))
  t.end()
})

t.test('a list can be shortened after each entry except the last', (t) => {
  const { options } = reservation(
    subnet({ dns: ['192.0.2.9', '192.0.2.8', '192.0.2.7'], search: ['a.net', 'b.org', 'c.com'] }),
  )
  t.same(options.get(6)?.cuts, [4, 8])
  t.same(options.get(119)?.cuts, [7, 14])
  t.same(options.get(3)?.cuts, [])
  t.equal(options.get(12)?.cuts, undefined)
  t.end()
})

t.test('a subnet without a broadcast address (RFC 3021) has no option 28', (t) => {
  const { options } = reservation((site) => {
    site.subnets = [
      { cidr: '192.0.2.10/31', gateway: '192.0.2.10' },
      { cidr: '192.0.2.0/24', gateway: '192.0.2.1' },
    ]
  })
  t.equal(hex(options.get(1)?.value), 'fffffffe')
  t.equal(options.has(28), false)
  t.end()
})

t.test('a host gets its fully qualified name; its domain is the part after the first dot', (t) => {
  const mac = parseMac('00:00:5e:00:53:40') as Mac
  const host = (name: string) => (site: Record<string, unknown>) =>
    void (site.hosts = [{ name, address: '192.0.2.40', mac }])
  const { options, boot } = reservation(host('ns1.example.net'), mac)
  t.equal(hex(options.get(12)?.value), text('ns1.example.net'))
  t.equal(hex(options.get(15)?.value), text('example.net'))
  t.equal(boot, undefined, 'it boots nothing')
  t.equal(reservation(host('ns1'), mac).options.has(15), false)
  t.end()
})

t.test('machines in a subnet of another DHCP server get their boot file and nothing else', (t) => {
  const { plan, findings } = compiled((site) => {
    Object.assign(site.subnets[0] as object, { dhcp: 'proxy', gateway: undefined })
    site.subnets.push({ cidr: '198.51.100.0/24', gateway: '198.51.100.1' })
    site.clusters[0]!.nodes[2]!.address = '198.51.100.21'
    site.hosts = [{ name: 'ns1.example.net', address: '192.0.2.40', mac: '00:00:5e:00:53:40' }]
  })
  t.same(
    [...plan.reservationByMac.values()].map(({ name }) => name),
    ['ocp45/w1'],
  )
  t.same(
    [...plan.proxiedByMac.values()].map(({ name, boot }) => [name, boot === undefined]),
    [
      ['ocp45/bs', false],
      ['ocp45/m1', false],
      ['ocp45/i1', false],
      ['ns1.example.net', true],
    ],
  )
  t.match(plan, { proxyPort: 4011, networks: { length: 2 }, proxiedNetworks: { length: 1 } })
  t.same(findings, [])
  t.equal(compiled().plan.proxyPort, undefined)
  t.end()
})

const findings = [
  {
    name: 'lease settings beside another DHCP server',
    change: subnet({ dhcp: 'proxy', ntp: ['192.0.2.9'], leaseSeconds: 600 }),
    finding: {
      code: 'dhcp.settings-unused',
      severity: 'warning',
      about: 'subnet 192.0.2.0/24',
      message:
        'another DHCP server leases the addresses (dhcp: proxy), so these keys have no effect: ' +
        'gateway, ntp, leaseSeconds; configure them there',
    },
  },
  {
    name: 'a lease that can expire during an installation',
    change: subnet({ leaseSeconds: 600 }),
    finding: {
      code: 'dhcp.lease-short',
      severity: 'warning',
      about: 'subnet 192.0.2.0/24',
      message: 'a lease of 600 s can expire during an installation: set leaseSeconds to 3600 or more',
    },
  },
  {
    name: 'a host name that is too long for Linux',
    change: (site: Site) => {
      site.clusters[0]!.nodes[1]!.name = 'm'.repeat(50)
    },
    finding: {
      code: 'dhcp.host-name-too-long',
      severity: 'warning',
      about: `ocp45/${'m'.repeat(50)}`,
      message: `host name ${'m'.repeat(50)}.ocp45.example.net has 68 characters, more than the 64 that Linux accepts: choose shorter names`,
    },
  },
]
for (const { name, change, finding } of findings) {
  t.test(`finding: ${name}`, (t) => {
    t.same(compiled(change).findings, [finding])
    t.end()
  })
}
