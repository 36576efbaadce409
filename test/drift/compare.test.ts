import t from 'tap'
import {
  compareReply,
  expectationsOf,
  formatRcode,
  valuesIn,
  type DnsReply,
} from '../../src/drift/compare.ts'
import type { CheckedServer, Expectation } from '../../src/drift/report.ts'
import { a, ns, record, reply, silence, soa } from '../support/dns-answers.ts'

const required: CheckedServer = { address: '192.0.2.53', port: 53, usedBy: ['nodes'], isRequired: true }
const other: CheckedServer = { ...required, isRequired: false }
const name = 'api.c1.example.net'
const expected: Expectation = {
  zone: 'c1.example.net',
  name,
  query: name,
  type: 'A',
  values: ['192.0.2.5', '192.0.2.6'],
}
const both = [a(name, '192.0.2.6'), a(name, '192.0.2.5')]

t.test('expects every record of the zones; aliases are expected as addresses, delegations are not', (t) => {
  const records = [
    a('*.apps.c1.example.net', '192.0.2.5'),
    record('git.example.net', { type: 'CNAME', target: 'g.example.net' }),
    record('g.example.net', { type: 'CNAME', target: name }),
    record('away.example.net', { type: 'CNAME', target: 'x.example.com' }),
    ...both,
    record('_git._tcp.example.net', {
      type: 'SRV',
      priority: 1,
      weight: 2,
      port: 3,
      target: 'API.c1.example.net',
    }),
    record('example.net', { type: 'TXT', text: 'Ab.' }),
    ns('lab.example.net', 'ns.lab.example.net'),
    a('ns.lab.example.net', '192.0.2.9'),
  ]
  const all = expectationsOf([{ name: 'example.net', records }], 'x')
  t.same(
    all.map(({ name: owner, query, type, values }) => [owner, query, type, ...values]),
    [
      ['*.apps.c1.example.net', 'x.apps.c1.example.net', 'A', '192.0.2.5'],
      ['*.apps.c1.example.net', 'x.apps.c1.example.net', 'AAAA'],
      ['git.example.net', 'git.example.net', 'A', '192.0.2.5', '192.0.2.6'],
      ['git.example.net', 'git.example.net', 'AAAA'],
      ['g.example.net', 'g.example.net', 'A', '192.0.2.5', '192.0.2.6'],
      ['g.example.net', 'g.example.net', 'AAAA'],
      ['away.example.net', 'away.example.net', 'A'],
      ['away.example.net', 'away.example.net', 'AAAA'],
      [name, name, 'A', '192.0.2.5', '192.0.2.6'],
      [name, name, 'AAAA'],
      ['_git._tcp.example.net', '_git._tcp.example.net', 'SRV', '1 2 3 api.c1.example.net'],
      ['example.net', 'example.net', 'TXT', '"Ab."'],
    ],
  )
  t.end()
})

const none: Expectation = { ...expected, type: 'AAAA', values: [] }
const cases: readonly [what: string, DnsReply, Expectation, status: string, reason?: string][] = [
  ['all addresses, in any order', reply({ answers: both }), expected, 'ok'],
  ['another case', reply({ answers: [a('API.C1.example.NET', '192.0.2.5'), ...both] }), expected, 'ok'],
  [
    'an alias, which leads to the addresses',
    reply({
      answers: [
        record(name, { type: 'CNAME', target: 'LB.x' }),
        a('lb.x', '192.0.2.5'),
        a('lb.X', '192.0.2.6'),
      ],
    }),
    expected,
    'ok',
  ],
  ['one address', reply({ answers: both.slice(1) }), expected, 'different'],
  ['another address', reply({ answers: [a(name, '10.0.0.1')] }), expected, 'different'],
  ['an additional address', reply({ answers: [...both, a(name, '10.0.0.1')] }), expected, 'extra'],
  [
    'records of other names',
    reply({ answers: [a('x.net', '192.0.2.5')] }),
    expected,
    'missing',
    'no such record',
  ],
  ['NXDOMAIN', reply({ rcode: 3 }), expected, 'missing', 'NXDOMAIN'],
  ['NODATA', reply({ authority: [soa('example.net')] }), expected, 'missing', 'no such record'],
  [
    'NODATA of a server without recursion',
    reply({ isAuthoritative: true, isRecursionAvailable: false }),
    none,
    'ok',
  ],
  ['NXDOMAIN where nothing is expected', reply({ rcode: 3 }), none, 'ok'],
  ['REFUSED', reply({ rcode: 5 }), expected, 'lame', 'REFUSED'],
  [
    'a referral',
    reply({ authority: [ns('net', 'a.net')] }),
    expected,
    'lame',
    'a referral, without recursion',
  ],
  ['no recursion', reply({ isRecursionAvailable: false }), none, 'lame', 'a referral, without recursion'],
  ['no answer', silence, expected, 'unresponsive', 'no answer in 3.0 s'],
  ['garbage', { kind: 'malformed', reason: 'x' }, expected, 'malformed', 'x'],
]

for (const [what, answer, expectation, status, reason] of cases) {
  t.test(`${what}: ${status}`, (t) => {
    const result = compareReply(required, expectation, answer)
    t.equal(result.status, status)
    t.equal(result.severity, status === 'ok' ? 'ok' : 'failure')
    t.equal(result.code === undefined, status === 'ok')
    t.equal(result.reason, reason)
    const isWrong = status === 'different' || status === 'extra'
    const severity = status === 'ok' ? 'ok' : isWrong ? 'failure' : 'warning'
    t.equal(
      compareReply(other, expectation, answer).severity,
      severity,
      'where nodes do not depend on the server',
    )
    t.end()
  })
}

t.test('a loop of aliases has no addresses', (t) => {
  const loop = [
    record('a.net', { type: 'CNAME', target: 'b.net' }),
    record('b.net', { type: 'CNAME', target: 'a.net' }),
  ]
  const { answer } = reply({ answers: loop }) as DnsReply & { kind: 'answer' }
  t.same(valuesIn(answer, 'a.net', 'A'), [])
  t.end()
})

t.test('names response codes', (t) => {
  t.equal(formatRcode(2), 'SERVFAIL')
  t.equal(formatRcode(23), 'response code 23')
  t.end()
})
