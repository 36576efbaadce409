/** Queries that get no answer from the zones: refused, wrong, or for others. */
import t from 'tap'
import { answer } from '../../../src/serve/dns/answer.ts'
import { guideModel, zones } from '../../plan/dns/guide.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { hex } from '../../support/hex.ts'
import { ask, askOctets, encode, planOf } from './ask.ts'

const plan = planOf(guideModel())
const node = 'm1.ocp45.example.localdomain'

t.test('refusals carry a reason (RFC 8914 §4)', (t) => {
  const RD = dnsPacket.RECURSION_DESIRED
  const lonely = planOf(guideModel((site) => (site.dns = { zones })))
  const cases = [
    { query: { name: node, class: 'CH' }, code: 20, reason: 'only class IN is served' },
    {
      query: { name: 'version.bind', type: 'TXT', class: 'CH' },
      code: 20,
      reason: 'only class IN is served',
    },
    { query: { name: node, class: 'ANY' }, code: 20, reason: 'only class IN is served' },
    {
      query: { name: 'example.localdomain', type: 'AXFR' },
      code: 18,
      reason: 'zones are transferred to the secondaries of this site only',
    },
    {
      query: { name: node, type: 'TKEY' },
      code: 18,
      reason: 'meta types other than zone transfers are not supported',
    },
    {
      query: { name: node, type: 'OPT' },
      code: 18,
      reason: 'meta types other than zone transfers are not supported',
    },
    {
      query: { name: 'quay.io' },
      options: { mayForward: false },
      code: 18,
      reason: 'other names are resolved for the clients of this site only',
    },
    {
      query: { name: 'quay.io', flags: 0 },
      code: 20,
      reason: 'not a name of this site, and recursion was not desired',
    },
    {
      query: { name: 'quay.io' },
      plan: lonely,
      code: 20,
      reason: 'not a name of this site, and the site has no resolvers',
    },
    {
      query: { name: '.' },
      plan: lonely,
      code: 20,
      reason: 'not a name of this site, and the site has no resolvers',
    },
  ]
  for (const { query, options, plan: served = plan, code, reason } of cases) {
    const octets = encode({ flags: RD, ...query, edns: {} })
    const result = askOctets(served, octets, options)
    t.match(result, { kind: 'reply', outcome: 'refused', reason })
    if (result.kind !== 'reply') continue
    const reply = dnsPacket.decode(result.octets)
    t.match(reply, { rcode: 'REFUSED', flag_aa: false, answers: [], authorities: [] }, reason)
    const data = Buffer.concat([Buffer.of(0, code), Buffer.from(reason)])
    t.same(reply.additionals[0]?.options, [{ code: 15, type: 'OPTION_15', data }], reason)
    t.same(
      ask(served, { flags: RD, ...query }, options).additionals,
      [],
      'nothing is said to those without EDNS',
    )
  }
  t.end()
})

t.test('invalid headers get an error, and responses get no answer', (t) => {
  const cases = [
    {
      name: 'nothing',
      octets: '',
      result: { kind: 'silent', outcome: 'malformed', reason: 'shorter than a header' },
    },
    {
      name: 'eleven octets',
      octets: '1234 0100 0001 0000 0000 00',
      result: { kind: 'silent', outcome: 'malformed', reason: 'shorter than a header' },
    },
    {
      name: 'a response, because two servers would answer each other endlessly',
      octets: '1234 8180 0001 0000 0000 0000 00 0001 0001',
      result: { kind: 'silent', outcome: 'ignored', reason: 'a response' },
    },
    {
      name: 'another opcode: UPDATE (RFC 2136)',
      octets: '1234 2900 0001 0000 0000 0000 00 0006 0001',
      result: { kind: 'reply', outcome: 'notImplemented', octets: hex('1234 a984 0000 0000 0000 0000') },
    },
    {
      name: 'no question: the format is wrong (RFC 9619 §4)',
      octets: '1234 0110 0000 0000 0000 0000',
      result: {
        kind: 'reply',
        outcome: 'malformed',
        reason: '0 questions, expected 1 at octet 4',
        octets: hex('1234 8191 0000 0000 0000 0000'),
      },
    },
    {
      name: 'a compressed question',
      octets: '1234 0000 0001 0000 0000 0000 c00c 0001 0001',
      result: {
        kind: 'reply',
        outcome: 'malformed',
        reason: 'compressed or reserved label in a question at octet 12',
        octets: hex('1234 8081 0000 0000 0000 0000'),
      },
    },
  ]
  for (const { name, octets, result } of cases) t.match(askOctets(plan, hex(octets)), result, name)
  const { octets } = askOctets(plan, hex('1234 2900 0001 0000 0000 0000 00 0006 0001')) as {
    octets: Uint8Array
  }
  t.equal(octets.length, 12, 'a header and nothing else')
  t.end()
})

t.test('a forwarded query is a copy of header and question', (t) => {
  const query = encode({ name: 'Quay.io', type: 'AAAA', id: 77, edns: { size: 4096, isDnssecOk: true } })
  const result = askOctets(plan, query)
  query.fill(0)
  t.match(result, {
    kind: 'forward',
    request: { end: 25, hasEdns: true, isDnssecOk: true, transport: 'udp', limitOctets: 1232 },
  })
  t.same(
    result.kind === 'forward' && result.request.query,
    hex('004d 0100 0001 0000 0000 0001 04 51756179 02 696f 00 001c 0001'),
    'header and question',
  )
  t.match(askOctets(plan, encode({ name: 'quay.io' })), { request: { hasEdns: false, limitOctets: 512 } })
  t.match(askOctets(plan, encode({ name: 'quay.io' }), { transport: 'tcp' }), {
    request: { transport: 'tcp', limitOctets: 65_535 },
  })
  t.end()
})

t.test('a bug in slipway is not reported as a malformed query', (t) => {
  const query = new Proxy(hex('1234 0100 0001 0000 0000 0000 00 0001 0001'), {
    get(octets, key) {
      if (key === '4') throw new TypeError('a bug')
      return Reflect.get(octets, key) as unknown
    },
  })
  t.throws(() => answer(query, { mayForward: true }, plan, new Uint8Array(512), 'udp'), { message: 'a bug' })
  t.end()
})
