import t from 'tap'
import { compareEdited, linesOf, type Edit } from '../../support/compiled-site.ts'

const subnet =
  (more: Record<string, unknown>): Edit =>
  (site) =>
    Object.assign(site.subnets[0] ?? {}, more)
const dns =
  (section: Record<string, unknown>): Edit =>
  (site) =>
    (site['dns'] = section)
const nothing: Edit = () => undefined
const second: Edit = (site) => site.subnets.push({ cidr: '198.51.100.0/24', gateway: '198.51.100.1' })

const renewal = 'plan.lease-renewal: machines get this when they renew their leases, within'

const subnetCases: readonly [name: string, before: Edit, after: Edit, lines: readonly string[]][] = [
  ['the same subnets', nothing, nothing, []],
  [
    'lease settings reach machines at their next renewal',
    nothing,
    subnet({
      ...{ gateway: '192.0.2.254', dns: ['192.0.2.53'], ntp: ['192.0.2.9'], mtu: 9000, leaseSeconds: 7200 },
      ...{ domain: 'example.net', search: ['example.net'], dhcpOptions: [{ code: 224, text: 'one' }] },
      routes: [{ to: '203.0.113.0/24', via: '192.0.2.7' }],
    }),
    [
      'change subnet 192.0.2.0/24',
      '  gateway: 192.0.2.1 -> 192.0.2.254',
      '  resolvers:  -> 192.0.2.53',
      '  time servers:  -> 192.0.2.9',
      '  domain:  -> example.net',
      '  search:  -> example.net',
      '  lease time: 86400 s -> 7200 s',
      '  MTU:  -> 9000',
      '  routes:  -> 203.0.113.0/24 via 192.0.2.7',
      '  DHCP option 224: hidden',
      `  ! ${renewal} 3600 s`,
    ],
  ],
  [
    'relay agents and segments are not part of a lease',
    nothing,
    subnet({ relays: ['192.0.2.200'], segment: 'vlan7' }),
    ['change subnet 192.0.2.0/24', '  relays:  -> 192.0.2.200', '  segment:  -> vlan7'],
  ],
  [
    'another DHCP server leases the addresses',
    nothing,
    subnet({ dhcp: 'proxy' }),
    [
      'change subnet 192.0.2.0/24',
      '  dhcp: full -> proxy',
      '  ! plan.leases-move: another DHCP server must lease its addresses: leases of this server are not renewed',
    ],
  ],
  [
    'this server leases the addresses',
    subnet({ dhcp: 'proxy' }),
    nothing,
    [
      'change subnet 192.0.2.0/24',
      '  dhcp: proxy -> full',
      '  ! plan.leases-move: this server leases its addresses: turn off the other DHCP server there',
    ],
  ],
  [
    'lease settings of a subnet with another DHCP server have no effect',
    subnet({ dhcp: 'proxy' }),
    subnet({ dhcp: 'proxy', gateway: '192.0.2.254' }),
    ['change subnet 192.0.2.0/24', '  gateway: 192.0.2.1 -> 192.0.2.254'],
  ],
  [
    'a subnet that is removed',
    second,
    nothing,
    [
      'remove subnet 198.51.100.0/24',
      '  dhcp: full -> ',
      '  gateway: 198.51.100.1 -> ',
      '  lease time: 86400 s -> ',
      '  ! plan.leases-end: its leases are not renewed, and machines there get no answers',
    ],
  ],
  [
    'a subnet that is added',
    nothing,
    second,
    [
      'add subnet 198.51.100.0/24',
      '  dhcp:  -> full',
      '  gateway:  -> 198.51.100.1',
      '  lease time:  -> 86400 s',
    ],
  ],
]

for (const [name, before, after, lines] of subnetCases) {
  t.test(name, (t) => {
    t.same(linesOf(compareEdited(before, after), 'subnet'), lines)
    t.end()
  })
}

const record = (...records: Record<string, unknown>[]) => dns({ records })
const txt = { name: 'a.ocp45.example.net', txt: 'one' }

const dnsCases: readonly [name: string, before: Edit, after: Edit, lines: readonly string[]][] = [
  ['the same zones; the serial is not a change', dns({ serial: 1 }), dns({ serial: 2 }), []],
  [
    'clients of both versions of IP',
    (site) => Object.assign(site.server, { address6: 'fd00:16::101' }),
    (site) => {
      Object.assign(site.server, { address6: 'fd00:16::101' })
      Object.assign(site, { dns: { clients: ['fd00:40::/64'] } })
    },
    ['change dns dns', '  clients: 192.0.2.0/24 -> 192.0.2.0/24, fd00:40::/64'],
  ],
  [
    'resolvers, clients, and secondaries',
    nothing,
    dns({
      ...{
        forward: ['192.0.2.53', '2001:db8::53'],
        clients: ['192.0.2.0/25'],
        secondaries: ['192.0.2.54'],
        nsid: true,
      },
      forwardZones: [{ zone: 'corp.example', servers: ['192.0.2.55'] }],
    }),
    [
      'change dns dns',
      '  resolvers:  -> 192.0.2.53, 2001:db8::53',
      '  resolvers of corp.example:  -> 192.0.2.55',
      '  clients: 192.0.2.0/24 -> 192.0.2.0/25',
      '  secondaries:  -> 192.0.2.54',
      '  NSID:  -> yes',
    ],
  ],
  [
    'records that change, with the TTL only where the record stays',
    record(txt, { name: 'b.ocp45.example.net', txt: 'two', ttlSeconds: 60 }),
    record({ ...txt, txt: ['three', 'four'] }, { name: 'b.ocp45.example.net', txt: 'two', ttlSeconds: 90 }),
    [
      'change zone ocp45.example.net',
      '  TXT a.ocp45.example.net.: "one" -> "three", "four"',
      '  TTL of TXT b.ocp45.example.net.: 60 s -> 90 s',
    ],
  ],
  [
    'a record that is removed, and one that is added',
    record(txt),
    record({ ...txt, name: 'b.ocp45.example.net' }),
    [
      'change zone ocp45.example.net',
      '  TXT b.ocp45.example.net.:  -> "one"',
      '  TXT a.ocp45.example.net.: "one" -> ',
    ],
  ],
]

for (const [name, before, after, lines] of dnsCases) {
  t.test(name, (t) => {
    t.same(linesOf(compareEdited(before, after), 'dns', 'zone'), lines)
    t.end()
  })
}

t.test('a zone that is claimed, and one that is released', (t) => {
  const zones = dns({ zones: ['example.net'] })
  const effects = (before: Edit, after: Edit) =>
    compareEdited(before, after).items.flatMap(({ action, name, effects: each }) =>
      each.map(({ code, text }) => `${action} ${name} ${code}: ${text}`),
    )
  const claimed = effects(nothing, zones)
  t.same(claimed, [
    'add example.net plan.zone-claimed: this server answers for all names in example.net: names that it does not declare get NXDOMAIN',
    'remove ocp45.example.net plan.zone-released: this server no longer answers for names in ocp45.example.net: it forwards them to its resolvers',
  ])
  t.end()
})

t.test('no DNS on one side', (t) => {
  const off: Edit = (site) => {
    dns({ serve: false })(site)
    subnet({ dns: ['192.0.2.53'] })(site)
  }
  t.match(linesOf(compareEdited(off, nothing), 'dns'), ['add dns dns', '  clients:  -> 192.0.2.0/24'])
  t.match(linesOf(compareEdited(nothing, off), 'dns'), ['remove dns dns', '  clients: 192.0.2.0/24 -> '])
  t.end()
})
