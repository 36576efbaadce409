import t from 'tap'
import { compileDns } from '../../../src/plan/dns/compile.ts'
import { golden } from '../../support/golden.ts'
import { exampleModel, guideModel, zones as guideZones } from './guide.ts'
import { zoneText, recordText } from './zone-text.ts'
import type { Model } from '../../../src/plan/model.ts'

t.test('the zones of the example site are the golden ones', (t) => {
  const { plan, findings } = compileDns(exampleModel())
  golden(t, 'dns/example.zone', zoneText(plan?.zones ?? []))
  t.same(findings, [])
  t.end()
})

t.test('compiling is a pure function of the site', (t) => {
  t.same(compileDns(guideModel()), compileDns(guideModel()))
  t.end()
})

t.test('listening address, resolvers, and clients of the plan', (t) => {
  const { plan } = compileDns(guideModel())
  t.same(plan?.listen, { address: '172.16.0.101', port: 53 })
  t.same(plan?.resolvers, [{ address: '192.168.124.1', port: 53 }])
  t.match(plan?.clients, [{ prefix: 24 }, { prefix: 24 }])
  t.equal(plan?.nodeByAddress.get('172.16.0.21'), 'ocp45/m1')
  t.equal(plan?.nodeByAddress.get('172.16.0.111'), undefined)
  t.end()
})

t.test('the subnets are the clients by default', (t) => {
  const { plan } = compileDns(guideModel((site) => (site.dns = { zones: guideZones })))
  t.same(plan?.clients, [guideModel().site.subnets[0]?.cidr])
  t.end()
})

t.test('a server never forwards to itself', (t) => {
  const forward = ['172.16.0.101', '192.168.124.1']
  const { plan, findings } = compileDns(guideModel((site) => (site.dns = { zones: guideZones, forward })))
  t.same(plan?.resolvers, [{ address: '192.168.124.1', port: 53 }])
  t.same(findings, [
    {
      code: 'dns.resolver-is-server',
      severity: 'error',
      about: 'dns.forward',
      message: '172.16.0.101 is this server itself: name another resolver',
    },
  ])
  const elsewhere = compileDns(
    guideModel((site) => {
      site.dns = { zones: guideZones, forward }
      site.server['ports'] = { dns: 5353 }
    }),
  )
  t.same(elsewhere.findings, [], 'another server on port 53 of this machine is not this server')
  t.match(elsewhere.plan, { listen: { port: 5353 }, resolvers: [{ address: '172.16.0.101' }, {}] })
  t.end()
})

t.test('forward zones are sorted by length', (t) => {
  const zones = ['example.org', 'a.b.example.org', 'example.com'].map((zone, index) => ({
    zone,
    servers: [`10.0.0.${index}`],
  }))
  const { plan } = compileDns(guideModel((site) => (site.dns = { zones: guideZones, forwardZones: zones })))
  t.match(plan?.forwardZones, [
    { zone: 'a.b.example.org', labels: 4, resolvers: [{ address: '10.0.0.1', port: 53 }] },
    { zone: 'example.org', labels: 2 },
    { zone: 'example.com', labels: 2 },
  ])
  t.match(plan, { resolvers: [], isForwarding: true })
  const none = [{ zone: 'example.org', servers: ['172.16.0.101'] }]
  const itself = compileDns(guideModel((site) => (site.dns = { zones: guideZones, forwardZones: none })))
  t.match(itself.plan, { forwardZones: [{ resolvers: [] }], isForwarding: false })
  t.end()
})

t.test('there is no plan when another server serves the names', (t) => {
  t.same(compileDns(guideModel((site) => (site.dns = { serve: false }))), { plan: undefined, findings: [] })
  t.end()
})

t.test('a local zone that the site declares is answered from the site (RFC 6761 §6.3)', (t) => {
  const { plan } = compileDns(
    guideModel((site) => site.hosts.push({ name: 'localhost', address: '172.16.0.101' })),
  )
  const zones = plan?.zones.filter((zone) => zone.name === 'localhost') ?? []
  t.match(zoneText(zones), /^localhost\. 3600 IN A 172\.16\.0\.101$/m)
  t.equal(zones.length, 1)
  t.end()
})

/** The zones of the site by name, their records as text; those of every site left out. */
function zones(model: Model): Map<string, string[]> {
  const local = /^(localhost|invalid|127\.in-addr\.arpa|1\.0\.0\.0\.0\..*\.ip6\.arpa)$/
  const all = compileDns(model).plan?.zones.filter(({ name }) => !local.test(name)) ?? []
  return new Map(all.map(({ name, records }) => [name, records.map(recordText)]))
}

t.test('a host outside every cluster is its own zone', (t) => {
  const found = zones(
    guideModel((site) => {
      site.hosts = [
        { name: 'a.registry.example.org', address: '198.51.100.6' },
        { name: 'registry.example.org', address: ['198.51.100.5', '2001:db8::5'] },
      ]
    }),
  )
  t.same(
    [...found.keys()],
    [
      'example.localdomain',
      'registry.example.org',
      '0.16.172.in-addr.arpa',
      '0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
    ],
  )
  t.same(found.get('registry.example.org'), [
    'registry.example.org. 3600 IN SOA ns1.registry.example.org. root.registry.example.org. SERIAL 3600 900 3600000 3600',
    'registry.example.org. 3600 IN NS ns1.registry.example.org.',
    'a.registry.example.org. 3600 IN A 198.51.100.6',
    'registry.example.org. 3600 IN A 198.51.100.5',
    'registry.example.org. 3600 IN AAAA 2001:db8::5',
    'ns1.registry.example.org. 3600 IN A 172.16.0.101',
  ])
  t.end()
})

t.test('the name server is declared, another one, or this machine', (t) => {
  const cases = [
    {
      name: 'by default ns1, declared as a host',
      dns: {},
      ns: ['ns1.example.localdomain'],
      address: '172.16.0.102',
    },
    {
      name: 'an undeclared ns1 is this machine',
      hosts: [],
      dns: {},
      ns: ['ns1.example.localdomain'],
      address: '172.16.0.101',
    },
    {
      name: 'two, the first is the primary (RFC 1035 §3.3.13)',
      dns: { nameServers: ['ns2.example.localdomain', 'ns1.example.localdomain'] },
      ns: ['ns2.example.localdomain', 'ns1.example.localdomain'],
      address: '172.16.0.101',
    },
    {
      name: 'in a zone of others, which gives its address',
      dns: { nameServers: ['ns.example.org'] },
      ns: ['ns.example.org'],
    },
  ]
  for (const { name, hosts, dns, ns, address } of cases) {
    const found = zones(
      guideModel((site) => {
        site.dns = { zones: guideZones, ...dns }
        if (hosts !== undefined) site.hosts = hosts
      }),
    )
    const forward = found.get('example.localdomain') ?? []
    const reverse = found.get('0.16.172.in-addr.arpa') ?? []
    t.match(forward[0], ` SOA ${ns[0] ?? ''}. root.example.localdomain. `, name)
    t.same(
      forward.filter((line) => line.includes(' NS ')),
      ns.map((server) => `example.localdomain. 3600 IN NS ${server}.`),
      name,
    )
    t.same(
      reverse.filter((line) => line.includes(' NS ')),
      ns.map((server) => `0.16.172.in-addr.arpa. 3600 IN NS ${server}.`),
      `${name}: the reverse zone has the same`,
    )
    t.same(
      forward.filter((line) => line.startsWith(`${ns[0] ?? ''}. `)),
      address === undefined ? [] : [`${ns[0] ?? ''}. 3600 IN A ${address}`],
      `${name}: its address`,
    )
  }
  t.end()
})

t.test('contact and TTL come from the site', (t) => {
  const [soa, ns] = zones(
    guideModel(
      (site) => (site.dns = { zones: guideZones, contact: 'hostmaster.example.org', ttlSeconds: 60 }),
    ),
  ).get('0.16.172.in-addr.arpa') ?? ['', '']
  t.equal(
    soa,
    '0.16.172.in-addr.arpa. 60 IN SOA ns1.example.localdomain. hostmaster.example.org. SERIAL 3600 900 3600000 3600',
  )
  t.match(ns, ' 60 IN NS ')
  t.end()
})

t.test('api-int has the addresses of api by default; no record is duplicated', (t) => {
  const found = zones(
    guideModel((site) => {
      const [cluster] = site.clusters
      if (cluster !== undefined)
        cluster.loadBalancer = { api: ['172.16.0.5', '2001:db8::5'], ingress: '172.16.0.6' }
      site.hosts.push({ name: 'ns1.example.localdomain', address: '172.16.0.102' })
    }),
  )
  t.same(
    found.get('example.localdomain')?.filter((line) => /^(api|ns1)/.test(line)),
    [
      'api.ocp45.example.localdomain. 3600 IN A 172.16.0.5',
      'api.ocp45.example.localdomain. 3600 IN AAAA 2001:db8::5',
      'api-int.ocp45.example.localdomain. 3600 IN A 172.16.0.5',
      'api-int.ocp45.example.localdomain. 3600 IN AAAA 2001:db8::5',
      'ns1.example.localdomain. 3600 IN A 172.16.0.102',
    ],
  )
  t.same(
    found.get('0.16.172.in-addr.arpa')?.filter((line) => line.startsWith('5.')),
    [
      '5.0.16.172.in-addr.arpa. 3600 IN PTR api.ocp45.example.localdomain.',
      '5.0.16.172.in-addr.arpa. 3600 IN PTR api-int.ocp45.example.localdomain.',
    ],
    'both names point back',
  )
  t.equal(
    found.get('0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa')?.filter((line) => line.includes(' PTR ')).length,
    2,
  )
  t.end()
})

/** The guide's site and a second cluster, whose zone is below that of the first. */
function nestedModel(nameServers?: readonly string[]): Model {
  return guideModel((site) => {
    const [cluster] = site.clusters
    if (cluster === undefined) return
    site.dns['zones'] = [...guideZones, 'lab.deep.example.localdomain']
    const node = { name: 'x1', role: 'worker', mac: '00:00:5e:00:53:01', address: '172.16.0.41' }
    site.clusters.push({ ...cluster, name: 'c2', domain: 'lab.deep.example.localdomain', nodes: [node] })
    if (nameServers !== undefined) site.dns['nameServers'] = nameServers
  })
}

t.test('a parent zone lists the servers of a child zone with glue (RFC 1034 §4.2.1)', (t) => {
  const found = zones(nestedModel())
  t.same(
    found.get('example.localdomain')?.filter((line) => line.includes('deep')),
    [
      'lab.deep.example.localdomain. 3600 IN NS ns1.lab.deep.example.localdomain.',
      'ns1.lab.deep.example.localdomain. 3600 IN A 172.16.0.101',
    ],
  )
  t.match(
    found.get('lab.deep.example.localdomain')?.join('\n'),
    /^x1\.c2\.lab\.deep\S+ 3600 IN A 172\.16\.0\.41$/m,
  )
  t.end()
})

t.test('servers outside the cut need no glue (RFC 1034 §4.2.1)', (t) => {
  const found = zones(nestedModel(['ns1.example.localdomain', 'ns.example.net']))
  t.same(
    found.get('example.localdomain')?.filter((line) => line.includes('deep')),
    [
      'lab.deep.example.localdomain. 3600 IN NS ns1.example.localdomain.',
      'lab.deep.example.localdomain. 3600 IN NS ns.example.net.',
    ],
  )
  t.equal(found.get('example.localdomain')?.filter((line) => line.startsWith('ns1.')).length, 1)
  t.end()
})

t.test('a site of machines without names has reverse zones', (t) => {
  const found = zones(
    guideModel((site) => {
      site.clusters = []
      site.hosts = []
      site.dns['zones'] = []
    }),
  )
  t.same(
    [...found],
    [
      [
        '0.16.172.in-addr.arpa',
        [
          '0.16.172.in-addr.arpa. 3600 IN SOA ns1.0.16.172.in-addr.arpa. root.0.16.172.in-addr.arpa. SERIAL 3600 900 3600000 3600',
          '0.16.172.in-addr.arpa. 3600 IN NS ns1.0.16.172.in-addr.arpa.',
          'ns1.0.16.172.in-addr.arpa. 3600 IN A 172.16.0.101',
        ],
      ],
    ],
  )
  t.end()
})

t.test('additional records of declared names and of other names', (t) => {
  const found = zones(
    guideModel((site) => {
      site.dns['records'] = [
        { name: 'git.example.localdomain', address: ['172.16.0.60', '2001:db8::60'], ttlSeconds: 60 },
        { name: '*.dev.example.localdomain', cname: 'git.example.localdomain' },
        { name: 'm1.ocp45.example.localdomain', txt: 'rack 7' },
        {
          name: 'example.localdomain',
          mx: [{ target: 'git.example.localdomain' }],
          caa: [{ tag: 'issue', value: ';' }],
        },
        {
          name: '_git._tcp.example.localdomain',
          srv: [{ target: 'git.example.localdomain', port: 9418, weight: 5 }],
        },
        { name: 'lab2.example.localdomain', ns: ['git.example.localdomain'] },
      ]
    }),
  )
  t.same(
    found.get('example.localdomain')?.filter((line) => /^(git|\*\.dev|_git|lab2)|TXT|MX|CAA/.test(line)),
    [
      'git.example.localdomain. 60 IN A 172.16.0.60',
      'git.example.localdomain. 60 IN AAAA 2001:db8::60',
      '*.dev.example.localdomain. 3600 IN CNAME git.example.localdomain.',
      'm1.ocp45.example.localdomain. 3600 IN TXT "rack 7"',
      'example.localdomain. 3600 IN MX 10 git.example.localdomain.',
      'example.localdomain. 3600 IN CAA 0 issue ";"',
      '_git._tcp.example.localdomain. 3600 IN SRV 0 5 9418 git.example.localdomain.',
      'lab2.example.localdomain. 3600 IN NS git.example.localdomain.',
    ],
  )
  t.equal(
    found.get('0.16.172.in-addr.arpa')?.some((line) => line.startsWith('60.')),
    false,
    'records lead nowhere back, hosts do',
  )
  t.end()
})
