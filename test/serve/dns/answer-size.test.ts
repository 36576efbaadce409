/** How large an answer may be, and what EDNS has to do with it. */
import t from 'tap'
import { crowdedModel, guideModel } from '../../plan/dns/guide.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { answer } from '../../../src/serve/dns/answer.ts'
import { ask, askOctets, encode, planOf } from './ask.ts'

const plan = planOf(crowdedModel())
const node = 'm1.ocp45.example.localdomain'

t.test('EDNS(0) (RFC 6891 §6)', (t) => {
  const cases = [
    { name: 'none asked, none given', edns: undefined, additionals: [] },
    {
      name: 'our UDP size never needs fragments, and DO is not set automatically',
      edns: { size: 4096 },
      additionals: [{ type: 'OPT', udpPayloadSize: 1232, flag_do: false, extendedRcode: 0, options: [] }],
    },
    { name: 'DO is returned (RFC 3225 §3)', edns: { isDnssecOk: true }, additionals: [{ flag_do: true }] },
  ]
  for (const { name, edns, additionals } of cases) {
    for (const qname of [node, 'nobody.example.localdomain', 'nobody.ocp45.example.localdomain']) {
      const reply = ask(plan, { name: qname, ...(edns && { edns }) })
      t.match(reply.additionals, additionals, `${name}: ${qname}`)
      t.equal(reply.additionals.length, additionals.length, `${name}: ${qname}`)
    }
  }
  const other = askOctets(plan, encode({ name: node, edns: { version: 1, isDnssecOk: true } }))
  t.match(other, { kind: 'reply', outcome: 'badVersion' })
  const reply = dnsPacket.decode(other.kind === 'reply' ? other.octets : new Uint8Array(12))
  t.match(
    reply,
    { rcode: 'NOERROR', flag_aa: false, answers: [], questions: [{ name: node }] },
    'BADVERS (RFC 6891 §6.1.3)',
  )
  t.match(reply.additionals, [{ extendedRcode: 1, ednsVersion: 0, flag_do: true }], 'in the upper bits')
  t.end()
})

t.test('a reply with a COOKIE option stays within the limit', (t) => {
  const query = Buffer.from(encode({ name: 'many.example.localdomain', edns: { size: 720 } }))
  query.writeUInt16BE(12, query.length - 2)
  const asked = Buffer.concat([query, Buffer.of(0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8)])
  for (const { octets, isCut } of [
    { octets: 27, isCut: false }, // 12 + 30 + 640 + 11 + 27 = 720
    { octets: 28, isCut: true },
  ]) {
    const cookie = (received: Uint8Array) => {
      t.same(received, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
      return new Uint8Array(octets)
    }
    const result = answer(asked, { mayForward: true, cookie }, plan, new Uint8Array(1232), 'udp')
    const reply = result.kind === 'reply' ? result.octets : new Uint8Array(12)
    t.equal(((reply[2] as number) & 2) !== 0, isCut)
    t.equal(reply.length, isCut ? 42 + 39 * 16 + 11 + 28 : 720)
  }
  t.end()
})

t.test('a reply that does not fit has the records that do, and TC (RFC 2181 §9)', (t) => {
  const name = 'many.example.localdomain' // 40 A: 12 + 30 + 640 octets; 100 AAAA: 12 + 30 + 2800
  const cases = [
    { what: '40 A without EDNS', type: 'A', answers: 29, isCut: true },
    { what: '40 A in 512 octets', type: 'A', edns: { size: 512 }, answers: 28, isCut: true },
    { what: '40 A in 682 octets, without OPT', type: 'A', edns: { size: 682 }, answers: 39, isCut: true },
    { what: '40 A in 693 octets, with OPT', type: 'A', edns: { size: 693 }, answers: 40, isCut: false },
    {
      what: '100 AAAA in 65535 octets, of which we use 1232',
      type: 'AAAA',
      edns: { size: 65_535 },
      answers: 42,
      isCut: true,
    },
    { what: '100 AAAA over TCP', type: 'AAAA', transport: 'tcp' as const, answers: 100, isCut: false },
  ]
  for (const { what, type, edns, transport = 'udp', answers, isCut } of cases) {
    const reply = ask(plan, { name, type, ...(edns && { edns }) }, { transport })
    t.match(reply, { rcode: 'NOERROR', flag_tc: isCut, flag_aa: true }, what)
    t.equal(reply.answers.length, answers, what)
    t.equal(reply.additionals.length, edns === undefined ? 0 : 1, what)
  }
  t.end()
})

t.test('the additional section is omitted before a reply is truncated (RFC 2181 §9)', (t) => {
  const crowded = planOf(
    guideModel((site) => {
      const address = Array.from({ length: 40 }, (_, index) => `172.16.0.${150 + index}`)
      site.hosts = [{ name: 'ns1.example.localdomain', address }]
    }),
  )
  const question = { name: 'example.localdomain', type: 'NS' }
  t.match(ask(crowded, question), {
    flag_tc: false,
    answers: [{ data: 'ns1.example.localdomain' }],
    additionals: [],
  })
  t.equal(ask(crowded, question, { transport: 'tcp' }).additionals.length, 40)
  t.equal(ask(crowded, { ...question, edns: {} }).additionals.length, 41)
  t.end()
})
