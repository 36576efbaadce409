import t from 'tap'
import { driftJson, driftLines } from '../../../src/cli/text/dns-check.ts'
import { compareReply, expectationsOf, type DnsReply } from '../../../src/drift/compare.ts'
import type { CheckedServer, DriftReport, ZoneResult } from '../../../src/drift/report.ts'
import type { Zone } from '../../../src/plan/dns/plan.ts'
import { a, record, reply, silence } from '../../support/dns-answers.ts'
import { golden } from '../../support/golden.ts'

const own: CheckedServer = {
  address: '192.0.2.2',
  port: 53,
  usedBy: ['this server', 'nodes in 192.0.2.0/24'],
  isRequired: true,
}
const company: CheckedServer = {
  address: '203.0.113.53',
  port: 53,
  usedBy: ['dns.forward'],
  isRequired: false,
}
const second: CheckedServer = { ...company, address: '2001:db8::53' }

const zones: Zone[] = [
  {
    name: 'c1.example.net',
    records: [
      a('api.c1.example.net', '192.0.2.5'),
      a('*.apps.c1.example.net', '192.0.2.6'),
      a('m1.c1.example.net', '192.0.2.11'),
    ],
  },
  {
    name: '2.0.192.in-addr.arpa',
    records: [record('11.2.0.192.in-addr.arpa', { type: 'PTR', target: 'm1.c1.example.net' })],
  },
]
const expectations = expectationsOf(zones, 'label')

function reportOf(
  servers: readonly CheckedServer[],
  answer: (server: CheckedServer, name: string, type: string) => DnsReply,
  about: readonly ZoneResult[] = [],
): DriftReport {
  const records = servers.flatMap((server) =>
    expectations.map((each) => compareReply(server, each, answer(server, each.query, each.type))),
  )
  return { servers, records, zones: about }
}

const all = zones.flatMap((zone) => zone.records)
const correct = (name: string, type: string): DnsReply => {
  const found = all.filter(({ owner, data }) => owner.replace('*', 'label') === name && data.type === type)
  return reply({ answers: found.map((each) => ({ ...each, owner: name })) })
}
const plain = { columns: 80, usesColor: false }
const lines = (report: DriftReport, output = plain) => driftLines(report, 'site.yaml', output).join('\n')

t.test('every server answers as declared: one line for each', (t) => {
  const text = lines(reportOf([own, company], (_server, name, type) => correct(name, type)))
  t.equal(
    text,
    `Names at each server:

  192.0.2.2:53     this server, nodes in 192.0.2.0/24  4 of 4 records ok
  203.0.113.53:53  dns.forward                         4 of 4 records ok`,
  )
  t.end()
})

t.test('one line for each problem, one for a zone or a server, and what to do', (t) => {
  const about: ZoneResult[] = [
    {
      kind: 'delegation',
      zone: 'c1.example.net',
      severity: 'ok',
      message: 'example.net delegates it to ns1',
    },
    {
      kind: 'reverse',
      zone: '2.0.192.in-addr.arpa',
      severity: 'warning',
      code: 'dns.reverse-hidden',
      message: 'this server hides 1 reverse name of 203.0.113.53:53: 192.0.2.9 (\u001b[31mx)',
    },
  ]
  const report = reportOf(
    [own, company, second],
    (server, name, type) => {
      if (server === second) return silence
      if (server === company) return name.endsWith('arpa') ? reply({ rcode: 5 }) : reply({ rcode: 3 })
      if (name === 'api.c1.example.net' && type === 'A') return reply({ answers: [a(name, '10.0.0.9')] })
      if (name === 'api.c1.example.net') {
        return reply({ answers: [record(name, { type: 'TXT', text: 'x' })] })
      }
      if (name.startsWith('label') && type === 'A') {
        return reply({ answers: [a(name, '192.0.2.6'), a(name, '192.0.2.7')] })
      }
      if (name.endsWith('arpa')) return { kind: 'malformed', reason: 'header cut short' }
      return name.startsWith('m1') && type === 'A' ? reply({ rcode: 3 }) : correct(name, type)
    },
    about,
  )
  golden(t, 'dns/drift.txt', `${lines(report)}\n`)
  golden(t, 'dns/drift.json', `${JSON.stringify(driftJson(report), undefined, 2)}\n`)
  t.match(lines(report, { ...plain, usesColor: true }), '\u001b[31mfailure:\u001b[39m')
  t.end()
})

t.test('a few problems of a zone are listed, many are counted', (t) => {
  const records = Array.from({ length: 30 }, (_, index) => a(`n${index}.c1.example.net`, '192.0.2.9'))
  const many = expectationsOf([{ name: 'c1.example.net', records }], 'label')
  const answer = (index: number) => reply(index < 50 ? { answers: [a(many[index]!.query, '10.0.0.1')] } : {})
  for (const [server, severity] of [
    [own, 'failure'],
    [company, 'failure'],
  ] as const) {
    const results = many.map((each, index) => compareReply(server, each, answer(index)))
    const text = lines({ servers: [server], records: results, zones: [] })
    t.match(text, new RegExp(`    ${severity}: 10 more problems; --json prints all`))
  }
  const warnings = many.map((each, index) =>
    compareReply(
      company,
      each,
      index === 0 ? reply({ answers: [a(each.query, '192.0.2.9')] }) : reply({ rcode: 3 }),
    ),
  )
  t.match(lines({ servers: [company], records: warnings, zones: [] }), /\n {4}warning: 9 more problems/)
  t.end()
})
