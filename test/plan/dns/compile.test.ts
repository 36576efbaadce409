import t from 'tap'
import { compileDns } from '../../../src/plan/dns/compile.ts'
import { golden } from '../../support/golden.ts'
import { exampleModel, guideModel } from './guide.ts'
import { zoneText } from './zone-text.ts'

t.test("the example site's zones, whole", (t) => {
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
  const { plan } = compileDns(guideModel((site) => (site.dns = {})))
  t.same(plan?.clients, [guideModel().site.subnets[0]?.cidr])
  t.end()
})

t.test('a server never forwards to itself', (t) => {
  const forward = ['172.16.0.101', '192.168.124.1']
  const { plan, findings } = compileDns(guideModel((site) => (site.dns = { forward })))
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
      site.dns = { forward }
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
  const { plan } = compileDns(guideModel((site) => (site.dns = { forwardZones: zones })))
  t.match(plan?.forwardZones, [
    { zone: 'a.b.example.org', labels: 4, resolvers: [{ address: '10.0.0.1', port: 53 }] },
    { zone: 'example.org', labels: 2 },
    { zone: 'example.com', labels: 2 },
  ])
  t.match(plan, { resolvers: [], isForwarding: true })
  const none = [{ zone: 'example.org', servers: ['172.16.0.101'] }]
  const itself = compileDns(guideModel((site) => (site.dns = { forwardZones: none })))
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
