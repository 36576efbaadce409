import fc from 'fast-check'
import t from 'tap'
import { MalformedPacket } from '../../../src/proto/bytes.ts'
import { walkMessage } from '../../../src/proto/dns/walk.ts'
import type { ForwardRequest } from '../../../src/serve/dns/query.ts'
import { readFound } from '../../../src/serve/dns/cache.ts'
import { clientReply, emptyReply, classifyAnswer, resolverQuery } from '../../../src/serve/dns/relay.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { hex } from '../../support/hex.ts'
import { guideModel } from '../../plan/dns/guide.ts'
import { askOctets, encode, planOf, type Query } from './ask.ts'

const plan = planOf(guideModel())

function request(query: Partial<Query> = {}, transport: 'udp' | 'tcp' = 'udp'): ForwardRequest {
  const octets = encode({ name: 'Quay.io', id: 0x1111, ...query })
  const result = askOctets(plan, octets, { transport })
  if (result.kind !== 'forward') throw new Error(result.kind)
  return result.request
}

/** What a resolver would answer to id 0x2222. */
function response(changes: Record<string, unknown> = {}): Uint8Array {
  return dnsPacket.encode({
    type: 'response',
    id: 0x2222,
    flags: dnsPacket.RECURSION_DESIRED | 0x80,
    questions: [{ type: 'A', name: 'quay.io' }],
    answers: [{ type: 'A', name: 'quay.io', ttl: 60, data: '192.0.2.1' }],
    ...changes,
  })
}

t.test('a query to a resolver has a new id, RD and CD only, and its own OPT record', (t) => {
  const question = '04 51756179 02 696f 00 0001 0001'
  t.same(
    resolverQuery(request(), 0x2222),
    hex(`2222 0100 0001 0000 0000 0001 ${question} 00 0029 04d0 00 00 0000 0000`),
    'whether or not the client speaks EDNS',
  )
  t.same(
    resolverQuery(
      request({
        flags: dnsPacket.RECURSION_DESIRED | dnsPacket.CHECKING_DISABLED | dnsPacket.AUTHENTIC_DATA,
        edns: { size: 4096, isDnssecOk: true },
      }),
      0x2222,
    ),
    hex(`2222 0110 0001 0000 0000 0001 ${question} 00 0029 04d0 00 00 8000 0000`),
    'with DO, and as large as never needs fragments',
  )
  t.end()
})

t.test('an answer must match the query (RFC 5452 §9.1)', (t) => {
  const cases = [
    { name: 'the answer', octets: response(), verdict: 'answer' },
    {
      name: 'in another spelling (RFC 4343 §4.1)',
      octets: response({ questions: [{ type: 'A', name: 'QUAY.io' }] }),
      verdict: 'answer',
    },
    { name: 'no such name', octets: response({ flags: 3, answers: [] }), verdict: 'answer' },
    { name: 'cut short', octets: response({ flags: dnsPacket.TRUNCATED_RESPONSE }), verdict: 'truncated' },
    { name: 'SERVFAIL', octets: response({ flags: 2, answers: [] }), verdict: 'failure' },
    { name: 'REFUSED', octets: response({ flags: 5, answers: [] }), verdict: 'failure' },
    { name: 'FORMERR by a header alone', octets: hex('2222 8001 0000 0000 0000 0000'), verdict: 'failure' },
    {
      name: 'only a header, without an error code',
      octets: hex('2222 8000 0000 0000 0000 0000'),
      verdict: 'other',
    },
    { name: 'another id', octets: response({ id: 0x2223 }), verdict: 'other' },
    {
      name: 'another name',
      octets: response({ questions: [{ type: 'A', name: 'quoy.io' }] }),
      verdict: 'other',
    },
    {
      name: 'a longer name',
      octets: response({ questions: [{ type: 'A', name: 'quay.iot' }] }),
      verdict: 'other',
    },
    {
      name: 'another type',
      octets: response({ questions: [{ type: 'AAAA', name: 'quay.io' }] }),
      verdict: 'other',
    },
    {
      name: 'another class',
      octets: response({ questions: [{ type: 'A', class: 'CH', name: 'quay.io' }] }),
      verdict: 'other',
    },
    {
      name: 'two questions',
      octets: response({ questions: [1, 2].map(() => ({ type: 'A', name: 'quay.io' })) }),
      verdict: 'other',
    },
    { name: 'a query', octets: dnsPacket.encode({ type: 'query', id: 0x2222 }), verdict: 'other' },
    { name: 'another opcode', octets: hex('2222 a800 0001 0000 0000 0000'), verdict: 'other' },
    { name: 'a question cut short', octets: response().slice(0, 20), verdict: 'other' },
    { name: 'less than a header', octets: response().slice(0, 11), verdict: 'other' },
  ]
  for (const { name, octets, verdict } of cases)
    t.equal(classifyAnswer(request(), 0x2222, octets), verdict, name)
  t.end()
})

t.test('types are compared exactly: 65 is not 97', (t) => {
  const asked = request({ type: 'UNKNOWN_65' })
  const octets = Uint8Array.of(...resolverQuery(asked, 1))
  octets[2] = 0x80
  t.equal(classifyAnswer(asked, 1, octets), 'answer')
  octets[asked.end - 3] = 97
  t.equal(classifyAnswer(asked, 1, octets), 'other')
  t.end()
})

const reply = (asked: ForwardRequest, octets: Uint8Array, age: number | 'stale' = 0) =>
  dnsPacket.decode(clientReply(asked, readFound(octets), age))

const opt = (flags = 0) => ({ type: 'OPT', name: '.', udpPayloadSize: 4096, flags, options: [] })

t.test("the reply has the client's id and spelling, without AA and AD (RFC 6840 §5.8)", (t) => {
  const octets = response({
    flags: dnsPacket.AUTHORITATIVE_ANSWER | dnsPacket.AUTHENTIC_DATA | dnsPacket.CHECKING_DISABLED | 0x40,
    additionals: [opt(dnsPacket.DNSSEC_OK)],
  })
  t.match(reply(request({ edns: { isDnssecOk: true } }), octets), {
    id: 0x1111,
    rcode: 'NOERROR',
    flag_aa: false,
    flag_tc: false,
    flag_rd: true,
    flag_ra: true,
    flag_ad: false,
    flag_cd: false,
    questions: [{ name: 'Quay.io', type: 'A' }],
    answers: [{ data: '192.0.2.1', ttl: 60 }],
    additionals: [{ type: 'OPT', udpPayloadSize: 1232, flag_do: true }],
  })
  t.same(
    reply(request(), octets).additionals,
    [],
    'no OPT record in a reply to a query without one (RFC 6891 §6.1.1)',
  )
  t.equal(reply(request(), response({ flags: 3, answers: [] })).rcode, 'NXDOMAIN')
  t.end()
})

t.test("TTLs count down and never exceed the resolver's (RFC 1035 §3.2.1)", (t) => {
  const answers = [60, 300].map((ttl) => ({ type: 'A', name: 'quay.io', ttl, data: '192.0.2.1' }))
  const ttls = (age: number | 'stale') =>
    reply(request(), response({ answers }), age).answers.map(({ ttl }) => ttl)
  t.same(ttls(0), [60, 300])
  t.same(ttls(59), [1, 241])
  t.same(ttls(61), [0, 239])
  t.same(ttls('stale'), [30, 30], 'RFC 8767 §4')
  t.end()
})

t.test('a stale answer carries an extended error (RFC 8914 §4.4 and §4.20)', (t) => {
  const codeOf = (octets: Uint8Array) => {
    const { additionals } = reply(request({ edns: {} }), octets, 'stale')
    return additionals[0]?.options
  }
  const option = (code: number) => [
    { code: 15, data: Buffer.concat([Buffer.of(0, code), Buffer.from('no resolver answers')]) },
  ]
  t.match(codeOf(response()), option(3))
  t.match(codeOf(response({ flags: 3, answers: [] })), option(19))
  t.end()
})

t.test("a reply over the client's limit is truncated with TC", (t) => {
  const answers = Array.from({ length: 40 }, () => ({
    type: 'A',
    name: 'quay.io',
    ttl: 60,
    data: '192.0.2.1',
  }))
  const long = response({ answers })
  const cut = reply(request(), long)
  t.match(cut, { flag_tc: true, questions: [{ name: 'Quay.io' }], authorities: [] })
  t.equal(cut.answers.length, Math.floor((512 - 25) / 23), 'the records that fit')
  t.match(reply(request({ edns: {} }), long), { flag_tc: false, additionals: [{ type: 'OPT' }] })
  t.match(
    reply(request({ edns: { size: long.length + 10 } }), long),
    { flag_tc: true },
    'room for our own OPT record too',
  )
  t.equal(reply(request({}, 'tcp'), long).answers.length, 40)
  t.end()
})

t.test('every reply has the COOKIE option of its client', (t) => {
  const asked = { ...request({ edns: {} }), clientOptions: hex('000a 0008 0102030405060708') }
  const optionsOf = (octets: Uint8Array) => dnsPacket.decode(octets).additionals[0]?.options
  t.match(optionsOf(clientReply(asked, readFound(response()), 0)), [{ code: 10 }])
  t.match(optionsOf(clientReply(asked, readFound(response()), 'stale')), [{ code: 15 }, { code: 10 }])
  t.match(optionsOf(emptyReply(asked, 2, 0)), [{ code: 10 }])
  t.end()
})

t.test('arbitrary answers become valid replies or are malformed', (t) => {
  const asked = request({ edns: {} })
  const whole = response({ additionals: [opt()] })
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, value, length) => {
      const octets = whole.slice(0, length)
      if (at < length) octets[at] = value
      try {
        if (classifyAnswer(asked, 0x2222, octets) !== 'answer') return
        const octetsOfReply = clientReply(asked, readFound(octets), 1)
        if (octetsOfReply[0] !== 0x11 || octetsOfReply[1] !== 0x11)
          throw new Error('not the id of the client')
        walkMessage(octetsOfReply)
      } catch (error) {
        if (!(error instanceof MalformedPacket)) throw error
      }
    }),
    { numRuns: 300 },
  )
  t.end()
})
