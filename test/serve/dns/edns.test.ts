/** What https://ednscomp.isc.org asks of every name server, and what it wants to see (RFC 6891). */
import t from 'tap'
import { answer } from '../../../src/serve/dns/answer.ts'
import { ednsOption } from '../../../src/serve/dns/reply.ts'
import { guideModel } from '../../plan/dns/guide.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { hex } from '../../support/hex.ts'
import { askOctets, planOf } from './ask.ts'

const plan = planOf(guideModel())

/** `example.localdomain SOA`, with an OPT record of this CLASS, TTL and RDATA where one is given. */
function query(opt?: { size?: string; ttl?: string; options?: string }): Uint8Array {
  const question = '07 6578616d706c65 0b 6c6f63616c646f6d61696e 00 0006 0001'
  if (opt === undefined) return hex(`1234 0000 0001 0000 0000 0000 ${question}`)
  const { size = '1000', ttl = '00000000', options = '' } = opt
  const length = hex(options).length.toString(16).padStart(4, '0')
  return hex(`1234 0000 0001 0000 0000 0001 ${question} 00 0029 ${size} ${ttl} ${length} ${options}`)
}

t.test('the EDNS compliance tests of the ISC', (t) => {
  const answered = { rcode: 'NOERROR', flag_aa: true, answers: [{ type: 'SOA' }] }
  const opt = (isDnssecOk = false) => [
    { type: 'OPT', udpPayloadSize: 1232, ednsVersion: 0, extendedRcode: 0, flag_do: isDnssecOk, options: [] },
  ]
  const badVersion = {
    flag_aa: false,
    answers: [],
    additionals: [{ type: 'OPT', extendedRcode: 1, ednsVersion: 0, options: [] }],
  }
  const cases = [
    { name: 'dns: without EDNS', query: query(), expected: { ...answered, additionals: [] } },
    { name: 'edns: version 0', query: query({}), expected: { ...answered, additionals: opt() } },
    { name: 'edns1: version 1', query: query({ ttl: '00010000' }), expected: badVersion },
    { name: 'version 255', query: query({ ttl: '00ff0000' }), expected: badVersion },
    {
      name: 'edns@512: a small size',
      query: query({ size: '0200' }),
      expected: { ...answered, additionals: opt() },
    },
    {
      name: 'a size below 512 means 512 (RFC 6891 §6.2.3)',
      query: query({ size: '0000' }),
      expected: { ...answered, additionals: opt() },
    },
    {
      name: 'ednsopt: an unknown option is not returned',
      query: query({ options: '0064 0000' }),
      expected: { ...answered, additionals: opt() },
    },
    {
      name: 'edns1opt: an unknown option and version 1',
      query: query({ ttl: '00010000', options: '0064 0000' }),
      expected: badVersion,
    },
    {
      name: 'do: DNSSEC OK',
      query: query({ ttl: '00008000' }),
      expected: { ...answered, additionals: opt(true) },
    },
    {
      name: 'ednsflags: an unknown flag is not returned (RFC 6891 §6.1.4)',
      query: query({ ttl: '00000080' }),
      expected: { ...answered, additionals: opt() },
    },
    {
      name: 'all flags',
      query: query({ ttl: '0000ffff' }),
      expected: { ...answered, additionals: opt(true) },
    },
    {
      name: 'optlist: NSID, client subnet, EXPIRE and an unknown one together',
      query: query({ options: '0003 0000 0008 0004 00010000 0009 0000 fde9 0002 abcd' }),
      expected: { ...answered, additionals: opt() },
    },
    {
      name: 'an extended RCODE in a query is ignored',
      query: query({ ttl: 'ff000000' }),
      expected: { ...answered, additionals: opt() },
    },
  ]
  for (const { name, query: octets, expected } of cases) {
    for (const transport of ['udp', 'tcp'] as const) {
      const result = askOctets(plan, octets, { transport })
      if (result.kind !== 'reply') throw new Error(`${name}: ${result.kind}`)
      const reply = dnsPacket.decode(result.octets)
      t.match(reply, { id: 0x1234, ...expected }, `${name}, ${transport}`)
      t.equal(reply.additionals.length, expected.additionals.length, `${name}, ${transport}: OPT records`)
      // The OPT record's flags are its last octets but two: DO and nothing else.
      const flags = result.octets.at(-3)
      if (reply.additionals.length > 0) t.equal(flags, 0, `${name}, ${transport}: no other flag`)
    }
  }
  t.end()
})

t.test('a truncated option is a format error', (t) => {
  const octets = query({ options: '0064 0005 00' })
  t.match(askOctets(plan, octets), { outcome: 'malformed' })
  t.end()
})

t.test('a client that requests NSID gets the server name where it is configured (RFC 5001 §2.2)', (t) => {
  const nsid = ednsOption(3, new TextEncoder().encode('rack7'))
  const cookie = (received: Uint8Array) => ednsOption(10, received)
  const none: number[] = []
  const asked = { nsid: '0003 0000', cookie: '000a 0008 0102030405060708' }
  const cases = [
    { name: 'asked', options: asked.nsid, client: { nsid }, codes: [3] },
    { name: 'not asked', options: '', client: { nsid }, codes: none },
    { name: 'asked of a server without a name', options: asked.nsid, client: {}, codes: none },
    { name: 'with a cookie', options: asked.nsid + asked.cookie, client: { nsid, cookie }, codes: [10, 3] },
    { name: 'a cookie alone', options: asked.cookie, client: { nsid, cookie }, codes: [10] },
    { name: 'with an unknown version', options: asked.nsid, client: { nsid }, ttl: '00010000', codes: [3] },
  ]
  for (const { name, options, client, ttl, codes } of cases) {
    const octets = query({ options, ...(ttl !== undefined && { ttl }) })
    const result = answer(octets, { mayForward: true, ...client }, plan, new Uint8Array(1232), 'udp')
    if (result.kind !== 'reply') throw new Error(`${name}: ${result.kind}`)
    const told = dnsPacket.decode(result.octets).additionals[0]?.options as { code: number; data: Buffer }[]
    t.same(
      told.map(({ code }) => code),
      codes,
      name,
    )
    const text = told.find(({ code }) => code === 3)?.data.toString()
    t.equal(text, codes.includes(3) ? 'rack7' : undefined, `${name}: the name`)
  }
  t.end()
})

t.test('class CHAOS is refused', (t) => {
  for (const name of ['version.bind', 'hostname.bind', 'id.server', 'version.server']) {
    const octets = dnsPacket.encode({ type: 'query', id: 1, questions: [{ name, type: 'TXT', class: 'CH' }] })
    const result = askOctets(plan, octets)
    t.match(result, { outcome: 'refused', reason: 'only class IN is served' }, name)
  }
  t.end()
})
