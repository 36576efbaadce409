import fc from 'fast-check'
import t from 'tap'
import { MalformedPacket } from '../../../src/proto/bytes/malformed.ts'
import type { ForwardRequest } from '../../../src/serve/dns/answer.ts'
import { clientReply, judgeAnswer, resolverQuery } from '../../../src/serve/dns/relay.ts'
import { judge } from '../../support/dns-judge.ts'
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
  return judge.encode({
    type: 'response',
    id: 0x2222,
    flags: judge.RECURSION_DESIRED | 0x80,
    questions: [{ type: 'A', name: 'quay.io' }],
    answers: [{ type: 'A', name: 'quay.io', ttl: 60, data: '192.0.2.1' }],
    ...changes,
  })
}

t.test('a resolver is asked in our name: new id, RD and CD only, an OPT record of our own', (t) => {
  const question = '04 51756179 02 696f 00 0001 0001'
  t.same(resolverQuery(request(), 0x2222), hex(`2222 0100 0001 0000 0000 0000 ${question}`))
  t.same(
    resolverQuery(
      request({
        flags: judge.RECURSION_DESIRED | judge.CHECKING_DISABLED | judge.AUTHENTIC_DATA,
        edns: { size: 4096, isDnssecOk: true },
      }),
      0x2222,
    ),
    hex(`2222 0110 0001 0000 0000 0001 ${question} 00 0029 04d0 00 00 8000 0000`),
    'with DO, and as large as never needs fragments',
  )
  t.same(
    resolverQuery(request({ edns: { size: 600 } }), 1).slice(-8),
    hex('0258 00 00 0000 0000'),
    'no larger than the client takes',
  )
  t.end()
})

t.test('an answer is one only to the question that was asked (RFC 5452 §9.1)', (t) => {
  const cases = [
    { name: 'the answer', octets: response(), verdict: 'answer' },
    {
      name: 'in another spelling (RFC 4343 §4.1)',
      octets: response({ questions: [{ type: 'A', name: 'QUAY.io' }] }),
      verdict: 'answer',
    },
    { name: 'no such name', octets: response({ flags: 3, answers: [] }), verdict: 'answer' },
    { name: 'cut short', octets: response({ flags: judge.TRUNCATED_RESPONSE }), verdict: 'truncated' },
    { name: 'SERVFAIL', octets: response({ flags: 2, answers: [] }), verdict: 'failure' },
    { name: 'REFUSED', octets: response({ flags: 5, answers: [] }), verdict: 'failure' },
    { name: 'FORMERR by a header alone', octets: hex('2222 8001 0000 0000 0000 0000'), verdict: 'failure' },
    {
      name: 'a header alone that is no error',
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
    { name: 'a query', octets: judge.encode({ type: 'query', id: 0x2222 }), verdict: 'other' },
    { name: 'another opcode', octets: hex('2222 a800 0001 0000 0000 0000'), verdict: 'other' },
    { name: 'a question cut short', octets: response().slice(0, 20), verdict: 'other' },
    { name: 'less than a header', octets: response().slice(0, 11), verdict: 'other' },
  ]
  for (const { name, octets, verdict } of cases)
    t.equal(judgeAnswer(request(), 0x2222, octets), verdict, name)
  t.end()
})

t.test('type 65 is not type 97, though as letters they would be the same', (t) => {
  const asked = request({ type: 'UNKNOWN_65' })
  const octets = Uint8Array.of(...resolverQuery(asked, 1))
  octets[2] = 0x80
  t.equal(judgeAnswer(asked, 1, octets), 'answer')
  octets[octets.length - 3] = 97
  t.equal(judgeAnswer(asked, 1, octets), 'other')
  t.end()
})

t.test('the client gets its own id and spelling, and no claims that are not ours', (t) => {
  const octets = response({
    flags: judge.AUTHORITATIVE_ANSWER | judge.AUTHENTIC_DATA | judge.CHECKING_DISABLED | 0x40,
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 4096, flags: judge.DNSSEC_OK, options: [] }],
  })
  const reply = judge.decode(clientReply(request({ edns: { isDnssecOk: true } }), octets))
  t.match(reply, {
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
  t.equal(judge.decode(clientReply(request(), response({ flags: 3, answers: [] }))).rcode, 'NXDOMAIN')
  t.end()
})

t.test('what the client cannot take is cut, and said', (t) => {
  const answers = Array.from({ length: 40 }, () => ({
    type: 'A',
    name: 'quay.io',
    ttl: 60,
    data: '192.0.2.1',
  }))
  const long = response({ answers })
  t.match(judge.decode(clientReply(request(), long)), {
    flag_tc: true,
    answers: [],
    questions: [{ name: 'Quay.io' }],
  })
  t.match(judge.decode(clientReply(request({ edns: {} }), long)), { flag_tc: false, additionals: [] })
  t.equal(judge.decode(clientReply(request({}, 'tcp'), long)).answers.length, 40)
  t.end()
})

t.test('an error without a question becomes one with the question', (t) => {
  const reply = clientReply(request({ edns: {} }), hex('2222 8001 0000 0000 0000 0000'))
  t.match(judge.decode(reply), {
    id: 0x1111,
    rcode: 'FORMERR',
    questions: [{ name: 'Quay.io' }],
    additionals: [{ type: 'OPT' }],
  })
  t.end()
})

t.test('arbitrary answers are replies that can be read, or malformed', (t) => {
  const asked = request({ edns: {} })
  const whole = response({
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [] }],
  })
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, value, length) => {
      const octets = whole.slice(0, length)
      if (at < length) octets[at] = value
      try {
        if (judgeAnswer(asked, 0x2222, octets) === 'other') return
        const reply = clientReply(asked, octets)
        if (reply[0] !== 0x11 || reply[1] !== 0x11) throw new Error('not the id of the client')
      } catch (error) {
        if (!(error instanceof MalformedPacket)) throw error
      }
    }),
    { numRuns: 300 },
  )
  t.end()
})
