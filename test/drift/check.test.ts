import t from 'tap'
import { checkDrift } from '../../src/drift/check.ts'
import { hasFailure, type CheckedServer } from '../../src/drift/report.ts'
import { serversOf } from '../../src/drift/servers.ts'
import type { DnsQuestion } from '../../src/drift/exchange.ts'
import type { DnsReply } from '../../src/drift/compare.ts'
import { compileDns, declaredZones } from '../../src/plan/dns/compile.ts'
import type { Model } from '../../src/plan/model.ts'
import { a, fakeServers, ns, record, reply, silence, soa } from '../support/dns-answers.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

const model = (dns: object = { forward: ['203.0.113.53'] }): Model =>
  exampleModel({ ...exampleSite(), dns } as ReturnType<typeof exampleSite>)

/** Answers as the site declares. */
const correct = (site: Model) => {
  const records = declaredZones(site).flatMap((zone) => zone.records)
  return ({ name, type }: DnsQuestion): DnsReply | undefined => {
    const own = records.filter(({ owner }) => owner === name.replace(/^label\./, '*.'))
    const answers = own.filter(({ data }) => data.type === type).map((each) => ({ ...each, owner: name }))
    return own.length === 0 ? undefined : reply({ answers })
  }
}

const run = (site: Model, servers: readonly CheckedServer[], ask: ReturnType<typeof fakeServers>['ask']) =>
  checkDrift({ model: site, plan: compileDns(site).plan, servers, ask, label: 'label' })

t.test('reports no problem of servers that answer as the site declares', async (t) => {
  const site = model()
  const servers = serversOf(site, '')
  const { ask } = fakeServers({ '192.0.2.2': correct(site), '203.0.113.53': correct(site) })
  const report = await run(site, servers, ask)
  t.equal(hasFailure(report), false)
  t.same(new Set(report.records.map(({ status }) => status)), new Set(['ok']))
  t.same(
    report.records.filter(({ server }) => server === servers[0]).map(({ expectation }) => expectation.type)
      .length,
    report.records.length / 2,
  )
  t.match(report.zones, [{ kind: 'delegation', zone: 'ocp45.example.net', severity: 'warning' }])
})

t.test('a server that does not respond gets one query, and one that stops responding gets few', async (t) => {
  const site = model({ forward: ['203.0.113.53'], zones: [] })
  const [own] = serversOf(site, '') as [CheckedServer]
  const silent = fakeServers({})
  const report = await run(site, [own], silent.ask)
  t.equal(silent.asked.length, 1)
  t.equal(
    report.records.every(({ status, severity }) => status === 'unresponsive' && severity === 'failure'),
    true,
  )
  t.equal(hasFailure(report), true)
  t.same(report.zones, [], 'no server knows other zones')

  const records = Array.from({ length: 100 }, (_, index) => ({
    name: `r${index}.example.net`,
    address: '192.0.2.9',
  }))
  const large = model({ records })
  let count = 0
  const stopping = fakeServers({
    '192.0.2.2': (question) => (count++ < 2 ? correct(large)(question) : silence),
  })
  const stopped = await run(large, [own], stopping.ask)
  t.equal(stopped.records.length > 200, true)
  t.equal(stopping.asked.length < 30, true, `${stopping.asked.length} queries`)
})

t.test('nothing is delegated to a server that has no zones', async (t) => {
  const site = exampleModel({
    ...exampleSite(),
    subnets: [{ cidr: '192.0.2.0/24', dns: ['192.0.2.53'] }],
    dns: { serve: false },
  } as unknown as ReturnType<typeof exampleSite>)
  const { ask } = fakeServers({ '192.0.2.53': correct(site) })
  const report = await run(site, serversOf(site, ''), ask)
  t.same({ zones: report.zones, isFailed: hasFailure(report) }, { zones: [], isFailed: false })
  t.equal(report.records.length > 0, true)
})

t.test('a site without names has no records to compare', async (t) => {
  const site = exampleModel({ ...exampleSite(), clusters: [] })
  const { ask, asked } = fakeServers({})
  const report = await run(site, [{ address: '203.0.113.1', port: 53, usedBy: ['x'], isRequired: true }], ask)
  t.same({ ...report, servers: [] }, { servers: [], records: [], zones: [] })
  t.same(asked, ['203.0.113.1 2.0.192.in-addr.arpa SOA'], 'only a reverse zone')
})

t.test('finds the names of another server in the reverse zones of this one', async (t) => {
  const site = model()
  const zone = '2.0.192.in-addr.arpa'
  const company = ({ name, type }: DnsQuestion): DnsReply | undefined => {
    if (name === zone && type === 'SOA') return reply({ answers: [soa(zone)] })
    const host = Number(name.split('.')[0])
    return name.endsWith(zone) && host >= 200 && host < 207
      ? reply({ answers: [record(name, { type: 'PTR', target: `p${host}.corp.example` })] })
      : undefined
  }
  const { ask, asked } = fakeServers({ '192.0.2.2': correct(site), '203.0.113.53': company })
  const report = await run(site, serversOf(site, ''), ask)
  t.match(
    report.zones.filter(({ kind }) => kind === 'reverse'),
    [
      {
        zone,
        severity: 'warning',
        code: 'dns.reverse-hidden',
        message:
          'this server hides 7 reverse names of 203.0.113.53:53: 192.0.2.200 (p200.corp.example), 192.0.2.201 (p201.corp.example), 192.0.2.202 (p202.corp.example), 192.0.2.203 (p203.corp.example), 192.0.2.204 (p204.corp.example) and 2 more',
      },
    ],
  )
  t.equal(hasFailure({ ...report, records: [] }), false, 'a warning')
  t.equal(
    asked.filter((each) => each === `203.0.113.53 11.${zone} PTR`).length,
    1,
    'a declared name is not in question',
  )
})

t.test('reads a delegation through the resolvers', async (t) => {
  const site = model()
  const { ask } = fakeServers({
    '192.0.2.2': correct(site),
    '203.0.113.53': (question) => {
      if (question.type === 'SOA' && question.name === 'example.net')
        return reply({ answers: [soa('example.net')] })
      if (question.type === 'NS') return reply({ answers: [ns('example.net', 'ns.example.net')] })
      return question.name === 'ns.example.net'
        ? reply({ answers: [a('ns.example.net', '198.51.100.1')] })
        : correct(site)(question)
    },
    '198.51.100.1': ({ type, name }) =>
      type === 'NS'
        ? reply({ authority: [ns(name, `ns1.${name}`)], additional: [a(`ns1.${name}`, '192.0.2.2')] })
        : reply({ isAuthoritative: true }),
  })
  t.match((await run(site, serversOf(site, ''), ask)).zones, [
    { severity: 'ok', message: 'example.net delegates it to ns1.ocp45.example.net at 192.0.2.2' },
  ])
})
