import t from 'tap'
import { compileDns } from '../../../src/plan/dns/compile.ts'
import { guideModel, type guideSite, zones } from './guide.ts'

type Change = (site: ReturnType<typeof guideSite>) => void

const long = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}`

t.test('problems with names are reported', (t) => {
  const cases: { name: string; change: Change; findings: string[] }[] = [
    {
      name: 'there are no resolvers',
      change: (site) => (site.dns = { zones, clients: ['0.0.0.0/0'] }),
      findings: [
        'warning dns.forward is empty: nodes that use this server cannot resolve names outside the site, such as quay.io',
      ],
    },
    {
      name: 'there are no resolvers, and every subnet has another one',
      change: (site) => {
        site.dns = { zones }
        site.subnets = [{ cidr: '172.16.0.0/24', dns: ['172.16.0.53'] }]
      },
      findings: [],
    },
    {
      name: 'only the names of one zone are asked for',
      change: (site) =>
        (site.dns = {
          zones,
          forwardZones: [{ zone: 'corp.example', servers: ['10.0.0.53'] }],
          clients: ['8.0.0.0/8', '2001:db8::/32', '2001:db8::/48', 'fd00::/8', '::/0'],
        }),
      findings: [
        'warning dns.forward is empty: nodes that use this server cannot resolve names outside the site, such as quay.io',
        'warning dns.clients 8.0.0.0/8 is not a private network: any client in it can use this server as a resolver',
        'warning dns.clients 2001:db8::/32 is not a private network: any client in it can use this server as a resolver',
        'warning dns.clients ::/0 is not a private network: any client in it can use this server as a resolver',
      ],
    },
    {
      name: 'zones of others that lie in zones of ours, or ask this server itself',
      change: (site) =>
        (site.dns['forwardZones'] = [
          { zone: 'dev.example.localdomain', servers: ['10.0.0.53'] },
          { zone: '0.16.172.in-addr.arpa', servers: ['10.0.0.53'] },
          { zone: 'localdomain', servers: ['172.16.0.101'] },
        ]),
      findings: [
        'error dns.forwardZones localdomain 172.16.0.101 is this server itself: name another resolver',
        'error dns.forwardZones dev.example.localdomain is inside example.localdomain, which this server serves: remove it, or delegate it with an ns record',
        'error dns.forwardZones 0.16.172.in-addr.arpa is inside 0.16.172.in-addr.arpa, which this server serves: remove it, or delegate it with an ns record',
      ],
    },
    {
      name: 'a reverse zone of ours that lies in a zone of others',
      change: (site) =>
        (site.dns['forwardZones'] = [
          { zone: '16.172.in-addr.arpa', servers: ['10.0.0.53', '10.0.0.54'] },
          { zone: '10.in-addr.arpa', servers: ['10.0.0.53'] },
        ]),
      findings: [
        'warning dns.forwardZones 16.172.in-addr.arpa this server answers 0.16.172.in-addr.arpa itself: reverse names of 10.0.0.53, 10.0.0.54 there are hidden; declare their machines under hosts',
      ],
    },
    {
      name: 'a zone of others that lies in a delegation',
      change: (site) => {
        site.dns['records'] = [{ name: 'lab2.example.localdomain', ns: ['ns.example.org'] }]
        site.dns['forwardZones'] = ['lab2.example.localdomain', 'a.lab2.example.localdomain'].map((zone) => ({
          zone,
          servers: ['10.0.0.53'],
        }))
      },
      findings: [],
    },
    {
      name: 'clients outside the private networks',
      change: (site) => (site.dns['clients'] = ['10.0.0.0/8', '0.0.0.0/0', '192.168.4.0/22', '172.0.0.0/8']),
      findings: [
        'warning dns.clients 0.0.0.0/0 is not a private network: any client in it can use this server as a resolver',
        'warning dns.clients 172.0.0.0/8 is not a private network: any client in it can use this server as a resolver',
      ],
    },
    {
      name: 'a host with the name of a node',
      change: (site) => site.hosts.push({ name: 'm1.ocp45.example.localdomain', address: '172.16.0.51' }),
      findings: [
        'error host m1.ocp45.example.localdomain m1.ocp45.example.localdomain is also a name of node ocp45/m1: rename one, their addresses would be mixed',
      ],
    },
    {
      name: 'a node called api',
      change: (site) =>
        site.clusters[0]?.nodes.push({
          name: 'api',
          role: 'worker',
          mac: '00:00:5e:00:53:01',
          address: '172.16.0.41',
        }),
      findings: [
        'error loadBalancer of ocp45 api.ocp45.example.localdomain is also a name of node ocp45/api: rename one, their addresses would be mixed',
      ],
    },
    {
      name: 'a host below apps (RFC 4592 §2.2.1)',
      change: (site) =>
        site.hosts.push({ name: 'a.b.apps.ocp45.example.localdomain', address: '172.16.0.51' }),
      findings: [
        'warning host a.b.apps.ocp45.example.localdomain *.apps.ocp45.example.localdomain no longer covers names below b.apps.ocp45.example.localdomain',
      ],
    },
    {
      name: 'a load balancer outside the subnets',
      change: (site) => {
        const [cluster] = site.clusters
        if (cluster !== undefined) cluster.loadBalancer = { api: '192.168.124.9', ingress: '192.168.124.9' }
      },
      findings: [
        'warning address 192.168.124.9 is in none of the subnets: serve its reverse name api.ocp45.example.localdomain, api-int.ocp45.example.localdomain on another server',
      ],
    },
    {
      name: 'a subnet smaller than its reverse zone',
      change: (site) => (site.subnets = [{ cidr: '172.16.0.0/25' }]),
      findings: [
        'warning subnet 172.16.0.0/25 this server owns the reverse zone of all of 172.16.0.0/24: other addresses in it get NXDOMAIN',
      ],
    },
    {
      name: 'a host whose zone has no room for its own names (RFC 1035 §2.3.4)',
      change: (site) => site.hosts.push({ name: `${long}.${'d'.repeat(57)}`, address: '172.16.0.51' }),
      findings: [
        `error zone ${long}.${'d'.repeat(57)} root.${long}.${'d'.repeat(57)} has 254 characters, more than the maximum of 253: shorten it`,
      ],
    },
  ]
  for (const { name, change, findings } of cases) {
    const { findings: found } = compileDns(guideModel(change))
    t.same(
      found.map(({ severity, about, message }) => `${severity} ${about} ${message}`),
      findings,
      name,
    )
  }
  t.end()
})

t.test('names that are too long are omitted and reported', (t) => {
  const domain = `${long}.${'d'.repeat(40)}`
  const name = 'e'.repeat(14)
  const { plan, findings } = compileDns(
    guideModel((site) => {
      site.hosts = []
      site.dns['zones'] = [domain]
      const [cluster] = site.clusters
      if (cluster !== undefined) Object.assign(cluster, { name, domain })
    }),
  )
  t.same(
    findings.map(({ severity, about, message }) => `${severity} ${about} ${message}`),
    [
      `error loadBalancer of ${name} api-int.${name}.${domain} has 255 characters, more than the maximum of 253: shorten it`,
      `error loadBalancer of ${name} *.apps.${name}.${domain} has 254 characters, more than the maximum of 253: shorten it`,
    ],
  )
  const owners = plan?.zones[0]?.records.map((record) => record.owner.split('.', 1)[0])
  t.same(owners?.includes('m1'), true, 'shorter ones are served')
  t.same(owners?.includes('*'), false)
  const node = compileDns(
    guideModel((site) => {
      site.hosts = []
      site.dns['zones'] = [domain]
      const [cluster] = site.clusters
      if (cluster !== undefined) Object.assign(cluster, { name: 'e'.repeat(60), domain })
    }),
  )
  t.equal(
    node.plan?.zones.find((zone) => zone.name === '0.16.172.in-addr.arpa')?.records.length,
    2,
    'no PTR to them',
  )
  t.end()
})
