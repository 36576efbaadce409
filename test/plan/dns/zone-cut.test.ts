import t from 'tap'
import { compileDns } from '../../../src/plan/dns/compile.ts'
import { ask, line, planOf } from '../../serve/dns/ask.ts'
import { guideModel, type guideSite } from './guide.ts'

type Change = (site: ReturnType<typeof guideSite>) => void

/** The guide's site without `zones`. */
const model = (change: Change = () => undefined) =>
  guideModel((site) => {
    delete site.dns['zones']
    change(site)
  })

function zonesOf(change?: Change): string[] {
  return planOf(model(change))
    .zones.map(({ name }) => name)
    .filter((name) => name.endsWith('localdomain') && name !== 'localdomain')
}

function warningsOf(change?: Change): string[] {
  return compileDns(model(change)).findings.map(({ code, about, message }) => `${code} ${about} ${message}`)
}

t.test('the zone of a cluster is <cluster>.<domain>', (t) => {
  t.same(
    zonesOf((site) => (site.hosts = [])),
    ['ocp45.example.localdomain'],
  )
  const plan = planOf(model((site) => (site.hosts = [])))
  const negative: [name: string, type: string, rcode: string][] = [
    ['api.ocp45.example.localdomain', 'SRV', 'NOERROR'],
    ['ocp45.example.localdomain', 'TXT', 'NOERROR'],
    ['apps.ocp45.example.localdomain', 'A', 'NOERROR'],
    ['x.apps.ocp45.example.localdomain', 'TXT', 'NOERROR'],
    ['m9.ocp45.example.localdomain', 'A', 'NXDOMAIN'],
  ]
  for (const [name, type, rcode] of negative) {
    for (const transport of ['udp', 'tcp'] as const) {
      const reply = ask(plan, { name, type }, { transport })
      t.match(reply, { rcode, flag_aa: true, answers: [] }, `${name} ${type}`)
      t.same(reply.authorities.map(line), ['ocp45.example.localdomain SOA 3600'], `the SOA of ${name}`)
    }
  }
  t.same(ask(plan, { name: 'ocp45.example.localdomain', type: 'NS' }).answers.map(line), [
    'ocp45.example.localdomain NS ns1.ocp45.example.localdomain',
  ])
  t.same(
    warningsOf((site) => (site.hosts = [])),
    [],
  )
  t.end()
})

t.test('other names of the base domain are forwarded', (t) => {
  const plan = planOf(model())
  for (const name of ['wiki.example.localdomain', '_ldap._tcp.example.localdomain', 'example.localdomain']) {
    t.throws(() => ask(plan, { name }), { message: 'no reply: forward' }, name)
  }
  const ours = ask(plan, { name: 'ns1.example.localdomain' })
  t.same(ours.answers.map(line), ['ns1.example.localdomain A 172.16.0.102'], 'a host is a zone')
  t.end()
})

t.test('the resolvers of the base domain can differ from the others', (t) => {
  const change: Change = (site) => {
    site.hosts = []
    site.dns['forwardZones'] = [{ zone: 'example.localdomain', servers: ['10.20.0.53'] }]
  }
  t.same(warningsOf(change), [])
  t.end()
})

t.test('hosts, records, and name servers of the base domain are zones that contain only their name', (t) => {
  const change: Change = (site) => {
    site.dns['nameServers'] = ['ns3.example.localdomain', 'ns.example.org']
    site.dns['records'] = [
      { name: 'git.example.localdomain', address: '172.16.0.9' },
      { name: '_git._tcp.example.localdomain', srv: [{ target: 'git.example.localdomain', port: 9418 }] },
      { name: 'x.git.example.localdomain', txt: 'below another record' },
      { name: 'y.ocp45.example.localdomain', txt: 'in the zone of the cluster' },
    ]
  }
  t.same(zonesOf(change), [
    'ocp45.example.localdomain',
    'ns1.example.localdomain',
    'git.example.localdomain',
    'ns3.example.localdomain',
    '_git._tcp.example.localdomain',
  ])
  const plan = planOf(model(change))
  const address = ask(plan, { name: 'ns3.example.localdomain' }).answers.map(line)
  t.same(address, ['ns3.example.localdomain A 172.16.0.101'], 'an undeclared name server is this machine')
  t.same(warningsOf(change), [
    'dns.base-domain-divided dns.zones example.localdomain is not a zone of this server: it serves ocp45.example.localdomain, ns1.example.localdomain, git.example.localdomain, ns3.example.localdomain, _git._tcp.example.localdomain, and forwards other names in example.localdomain; list example.localdomain in dns.zones to serve all of it, or set zones: [] to confirm',
  ])
  t.same(
    warningsOf((site) => (change(site), (site.dns['zones'] = []))),
    [],
    'zones: [] confirms the division',
  )
  t.end()
})

t.test('secondaries have the zones of the clusters', (t) => {
  const change: Change = (site) => {
    site.hosts = []
    site.dns['secondaries'] = ['172.16.0.53']
  }
  t.same(warningsOf(change), [
    'dns.base-domain-divided dns.zones example.localdomain is not a zone of this server: it serves ocp45.example.localdomain and transfers these zones to the secondaries, and forwards other names in example.localdomain; list example.localdomain in dns.zones to serve all of it, or set zones: [] to confirm',
  ])
  t.end()
})

t.test('a record that cannot be the apex of a zone requires its base domain', (t) => {
  const records = [
    { name: 'git.example.localdomain', cname: 'ns1.example.localdomain' },
    { name: 'lab2.example.localdomain', ns: ['ns.example.org'] },
    { name: '*.dev.example.localdomain', address: '172.16.0.9' },
    { name: 'example.localdomain', txt: 'at the apex' },
  ]
  for (const record of records) {
    const change: Change = (site) => (site.dns['records'] = [record])
    t.same(zonesOf(change), ['example.localdomain'], record.name)
    t.same(
      warningsOf(change),
      [
        `dns.base-domain-claimed record ${record.name} requires that this server serves all of example.localdomain: undeclared names in it get NXDOMAIN, including those of other servers; list example.localdomain in dns.zones if that is intended`,
      ],
      `the warning of ${record.name}`,
    )
  }
  const host: Change = (site) => (site.hosts = [{ name: 'example.localdomain', address: '172.16.0.9' }])
  t.same(zonesOf(host), ['example.localdomain'], 'a host with the name of the base domain')
  t.end()
})

t.test('a zone in dns.zones contains the clusters below it, unless they are listed too', (t) => {
  const listed = (...zones: string[]) => zonesOf((site) => (site.dns['zones'] = zones))
  t.same(listed('example.localdomain'), ['example.localdomain'])
  t.same(listed('example.localdomain', 'ocp45.example.localdomain'), [
    'example.localdomain',
    'ocp45.example.localdomain',
  ])
  t.same(listed(), ['ocp45.example.localdomain', 'ns1.example.localdomain'])
  t.end()
})

t.test('two clusters of one base domain are two zones', (t) => {
  const change: Change = (site) => {
    site.hosts = []
    site.clusters.push({ ...site.clusters[0], name: 'ocp46' } as (typeof site.clusters)[0])
  }
  t.same(zonesOf(change), ['ocp45.example.localdomain', 'ocp46.example.localdomain'])
  t.end()
})

t.test('a wildcard in a search domain is reported (ndots:5)', (t) => {
  const caught = (wildcard: string, search: string, remedy: string) =>
    `${wildcard} answers for other names that nodes or pods search in ${search}, such as quay.io.${search} for quay.io: ${remedy}`
  const narrow = 'use a wildcard below a name that is not searched'
  const record =
    (name: string): Change =>
    (site) => {
      site.dns['zones'] = ['example.localdomain']
      site.dns['records'] = [{ name, address: '172.16.0.9' }]
    }
  const subnet =
    (keys: Record<string, unknown>): Change =>
    (site) => {
      site.dns['zones'] = ['example.localdomain']
      Object.assign(site.subnets[0] as object, keys)
    }
  const cases: [name: string, change: Change, expected: string[]][] = [
    [
      'the base domain',
      record('*.example.localdomain'),
      [`record *.example.localdomain ${caught('*.example.localdomain', 'example.localdomain', narrow)}`],
    ],
    [
      'the domain of a cluster',
      record('*.ocp45.example.localdomain'),
      [
        `record *.ocp45.example.localdomain ${caught('*.ocp45.example.localdomain', 'ocp45.example.localdomain', narrow)}`,
      ],
    ],
    [
      'an alias above a search domain that does not exist',
      (site) => {
        subnet({ search: ['a.dev.example.localdomain'] })(site)
        site.dns['records'] = [{ name: '*.dev.example.localdomain', cname: 'ns1.example.localdomain' }]
      },
      [
        `record *.dev.example.localdomain ${caught('*.dev.example.localdomain', 'a.dev.example.localdomain', narrow)}`,
      ],
    ],
    [
      'a domain of a subnet in apps',
      subnet({ domain: 'apps.ocp45.example.localdomain' }),
      [
        `subnet 172.16.0.0/24 ${caught('*.apps.ocp45.example.localdomain', 'apps.ocp45.example.localdomain', 'search another domain')}`,
      ],
    ],
    [
      'a search domain below apps',
      subnet({ search: ['x.apps.ocp45.example.localdomain'] }),
      [
        `subnet 172.16.0.0/24 ${caught('*.apps.ocp45.example.localdomain', 'x.apps.ocp45.example.localdomain', 'search another domain')}`,
      ],
    ],
    ['a wildcard outside every search domain', record('*.dev.example.localdomain'), []],
    ['apps alone', subnet({ domain: 'ocp45.example.localdomain', search: ['example.localdomain'] }), []],
  ]
  for (const [name, change, expected] of cases) {
    const { findings } = compileDns(guideModel(change))
    const found = findings.filter(({ code }) => code === 'dns.wildcard-searched')
    t.same(
      found.map(({ about, message }) => `${about} ${message}`),
      expected,
      name,
    )
  }
  t.end()
})
