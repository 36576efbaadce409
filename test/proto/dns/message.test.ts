import fc from 'fast-check'
import t from 'tap'
import { parseIpv4, type Ipv4, parseIpv6, type Ipv6 } from '../../../src/proto/address/ip.ts'
import { MalformedPacket } from '../../../src/proto/bytes.ts'
import { decodeAnswer, encodeAnswer, encodeQuery } from '../../../src/proto/dns/message.ts'
import type { RecordData, ResourceRecord } from '../../../src/proto/dns/record.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { hex } from '../../support/hex.ts'

const ipv4 = parseIpv4('192.0.2.21') as Ipv4
const ipv6 = parseIpv6('2001:db8::21') as Ipv6
const soa: RecordData = {
  type: 'SOA',
  mname: 'ns1.example.net',
  rname: 'root.example.net',
  serial: 0xfffffffe,
  refresh: 3600,
  retry: 900,
  expire: 3_600_000,
  minimum: 3600,
}
const record = (owner: string, data: RecordData): ResourceRecord => ({ owner, ttlSeconds: 3600, data })

t.test('a query has a header and a question (RFC 1035 §4.1)', (t) => {
  t.same(
    encodeQuery({ id: 0x1234, name: 'm1.net', type: 'AAAA' }),
    hex('1234 0100 0001 0000 0000 0000 02 6d31 03 6e6574 00 001c 0001'),
  )
  t.same(
    encodeQuery({ id: 1, name: 'net', type: 'NS', isRecursionDesired: false, udpOctets: 1232 }),
    hex('0001 0000 0001 0000 0000 0001 03 6e6574 00 0002 0001 00 0029 04d0 00000000 0000'),
    'without recursion, with EDNS (RFC 6891 §6.1.2)',
  )
  t.end()
})

t.test('an independent decoder reads an encoded query', (t) => {
  t.match(dnsPacket.decode(encodeQuery({ id: 7, name: 'M1.Example.net', type: 'PTR', udpOctets: 4096 })), {
    id: 7,
    type: 'query',
    flag_rd: true,
    questions: [{ name: 'M1.Example.net', type: 'PTR', class: 'IN' }],
    additionals: [{ type: 'OPT', udpPayloadSize: 4096 }],
  })
  t.end()
})

t.test(
  'an answer of every type, octet for octet: names are compressed, in RDATA too (RFC 1035 §4.1.4)',
  (t) => {
    const octets = encodeAnswer({
      question: { name: 'example.net', type: 'ANY' },
      answers: [record('example.net', soa), record('example.net', { type: 'NS', target: 'ns1.example.net' })],
      authority: [record('21.2.0.192.in-addr.arpa', { type: 'PTR', target: 'm1.example.net' })],
      additional: [
        record('ns1.example.net', { type: 'A', address: ipv4 }),
        record('ns1.example.net', { type: 'AAAA', address: ipv6 }),
        record('www.example.net', { type: 'CNAME', target: 'ns1.example.net' }),
      ],
    })
    t.same(
      octets,
      hex(`
      0000 8400 0001 0002 0001 0003
      07 6578616d706c65 03 6e6574 00 00ff 0001          # 12: example.net ANY IN
      c00c 0006 0001 00000e10 0021                      # 29: example.net SOA
        03 6e7331 c00c                                  # 41: ns1.example.net
        04 726f6f74 c00c                                # 47: root.example.net
        fffffffe 00000e10 00000384 0036ee80 00000e10
      c00c 0002 0001 00000e10 0002 c029                 # 74: example.net NS ns1
      02 3231 01 32 01 30 03 313932 07 696e2d61646472 04 61727061 00 000c 0001 00000e10 0005
        02 6d31 c00c                                    # m1.example.net
      c029 0001 0001 00000e10 0004 c0000215             # ns1 A 192.0.2.21
      c029 001c 0001 00000e10 0010 20010db8000000000000000000000021
      03 777777 c00c 0005 0001 00000e10 0002 c029       # www CNAME ns1
    `),
    )
    t.match(dnsPacket.decode(octets), {
      flag_aa: true,
      answers: [
        { type: 'SOA', data: { mname: 'ns1.example.net', rname: 'root.example.net', serial: 0xfffffffe } },
        { type: 'NS', data: 'ns1.example.net' },
      ],
      authorities: [{ type: 'PTR', data: 'm1.example.net' }],
      additionals: [
        { type: 'A', data: '192.0.2.21' },
        { type: 'AAAA', data: '2001:db8::21' },
        { type: 'CNAME', data: 'ns1.example.net' },
      ],
    })
    t.end()
  },
)

t.test('SRV is not compressed (RFC 2782), a long TXT is split into strings (RFC 1035 §3.3.14)', (t) => {
  const text = 'a'.repeat(256)
  const octets = encodeAnswer({
    question: { name: 'a.net', type: 'ANY' },
    answers: [record('a.net', { type: 'SRV', priority: 1, weight: 258, port: 2380, target: 'm.a.net' })],
    authority: [],
    additional: [record('a.net', { type: 'TXT', text })],
  })
  t.same(
    octets,
    hex(`
      0000 8400 0001 0001 0000 0001
      01 61 03 6e6574 00 00ff 0001
      c00c 0021 0001 00000e10 000f 0001 0102 094c 01 6d 01 61 03 6e6574 00
      c00c 0010 0001 00000e10 0102 ff ${'61'.repeat(255)} 01 61
    `),
  )
  t.match(dnsPacket.decode(octets).answers, [
    { data: { priority: 1, weight: 258, port: 2380, target: 'm.a.net' } },
  ])
  t.match(decodeAnswer(octets).answers, [
    { data: { type: 'SRV', weight: 258, port: 2380, target: 'm.a.net' } },
  ])
  t.match(decodeAnswer(octets).additional, [{ data: { type: 'TXT', text } }])
  t.end()
})

t.test('an answer is decoded: flags, sections, EDNS, and unknown types as octets', (t) => {
  const ds = hex('0001 0d 02 0a0b')
  const octets = dnsPacket.encode({
    type: 'response',
    id: 9,
    flags: dnsPacket.TRUNCATED_RESPONSE | 0x80, // RA
    questions: [{ type: 'TXT', name: 'example.net' }],
    answers: [
      {
        type: 'DS',
        name: 'example.net',
        ttl: 5,
        data: { keyTag: 1, algorithm: 13, digestType: 2, digest: Buffer.from(ds.subarray(4)) },
      },
    ],
    authorities: [{ type: 'NS', name: 'example.net', ttl: 6, data: 'ns1.example.net' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 1232,
        flags: dnsPacket.DNSSEC_OK,
        extendedRcode: 1,
        options: [],
      },
    ],
  })
  t.same(decodeAnswer(octets), {
    id: 9,
    rcode: 16, // BADVERS: the upper bits are in the OPT record (RFC 6891 §6.1.3)
    isAuthoritative: false,
    isTruncated: true,
    isRecursionAvailable: true,
    question: { name: 'example.net', type: 16 },
    answers: [{ owner: 'example.net', ttlSeconds: 5, data: { type: 'other', code: 43, rdata: ds } }],
    authority: [{ owner: 'example.net', ttlSeconds: 6, data: { type: 'NS', target: 'ns1.example.net' } }],
    additional: [],
    edns: { udpOctets: 1232, isDnssecOk: true },
  })
  t.match(decodeAnswer(hex('0009 8401 0000 0000 0000 0000')), {
    rcode: 1,
    isAuthoritative: true,
    answers: [],
  })
  t.equal(decodeAnswer(hex('0009 8001 0000 0000 0000 0000')).question, undefined, 'a header alone')
  t.end()
})

t.test('a message that is not an answer is a malformed packet', (t) => {
  const cases = [
    { name: 'nothing', octets: '', message: '4 octets expected, 0 left at octet 0' },
    {
      name: 'a query',
      octets: '0001 0100 0000 0000 0000 0000',
      message: 'a query, not a response at octet 2',
    },
    {
      name: 'two questions',
      octets: '0001 8000 0002 0000 0000 0000 00 0001 0001 00 0001 0001',
      message: '2 questions at octet 4',
    },
    {
      name: 'a dot inside a label',
      octets: '0001 8000 0001 0000 0000 0000 03 612e62 00 0001 0001',
      message: 'a label with a dot, which text cannot represent at octet 12',
    },
    {
      name: 'an address of three octets',
      octets: '0001 8000 0000 0001 0000 0000 00 0001 0001 00000000 0003 c00002',
      message: 'answers[0] at offset 12: A decode: RDLENGTH is 3, expected 4 at octet 12',
    },
    {
      name: 'counts without records (dns2 would continue to the end of the count)',
      octets: '0001 8000 0000 ffff ffff ffff',
      message: '1 octets expected, 0 left at octet 12',
    },
  ]
  for (const { name, octets, message } of cases) {
    t.throws(() => decodeAnswer(hex(octets)), { name: 'MalformedPacket', message }, name)
  }
  t.end()
})

t.test('arbitrary octets are an answer or a malformed packet', (t) => {
  const answers = fc
    .uint8Array({ maxLength: 100 })
    .map((rest) => Uint8Array.of(...hex('0001 8400 0001 0002 0001 0001'), ...rest))
  fc.assert(
    fc.property(fc.oneof(answers, fc.uint8Array({ maxLength: 100 })), (octets) => {
      try {
        decodeAnswer(octets)
      } catch (error) {
        if (!(error instanceof MalformedPacket)) throw error
      }
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('octets changed anywhere in an answer at most make it malformed', (t) => {
  const whole = encodeAnswer({
    question: { name: 'example.net', type: 'SOA' },
    answers: [record('example.net', soa), record('a.example.net', { type: 'A', address: ipv4 })],
    authority: [record('example.net', { type: 'NS', target: 'ns1.example.net' })],
    additional: [record('ns1.example.net', { type: 'AAAA', address: ipv6 })],
  })
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, value, length) => {
      const octets = whole.slice(0, length)
      if (at < length) octets[at] = value
      try {
        decodeAnswer(octets)
      } catch (error) {
        if (!(error instanceof MalformedPacket)) throw error
      }
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('decoding an encoded answer returns the answer', (t) => {
  const name = fc.domain()
  const u31 = fc.nat(0x7fffffff)
  const u16 = fc.nat(0xffff)
  const data: fc.Arbitrary<RecordData> = fc.oneof(
    fc.nat(0xffffffff).map((address): RecordData => ({ type: 'A', address: address as Ipv4 })),
    fc.ipV6().map((text): RecordData => ({ type: 'AAAA', address: parseIpv6(text) as Ipv6 })),
    fc.record({ type: fc.constantFrom('NS', 'PTR', 'CNAME'), target: name }),
    fc.string({ unit: 'grapheme', maxLength: 300 }).map((text): RecordData => ({ type: 'TXT', text })),
    fc.record({ type: fc.constant('SRV'), priority: u16, weight: u16, port: u16, target: name }),
    fc.record({ type: fc.constant('MX'), preference: u16, target: name }),
    fc.record({
      type: fc.constant('CAA'),
      isCritical: fc.boolean(),
      tag: fc.constantFrom('issue', 'iodef'),
      value: fc.string(),
    }),
    fc.record({
      type: fc.constant('SOA'),
      mname: name,
      rname: name,
      serial: fc.nat(0xffffffff),
      refresh: u31,
      retry: u31,
      expire: u31,
      minimum: u31,
    }),
  )
  const records = fc.array(fc.record({ owner: name, ttlSeconds: u31, data }), { maxLength: 3 })
  fc.assert(
    fc.property(name, records, records, records, (asked, answers, authority, additional) => {
      const read = decodeAnswer(
        encodeAnswer({ question: { name: asked, type: 'A' }, answers, authority, additional }),
      )
      const expected = { question: { name: asked, type: 1 }, answers, authority, additional }
      const { question, answers: first, authority: second, additional: third } = read
      const got = { question, answers: first, authority: second, additional: third }
      if (JSON.stringify(normal(got)) !== JSON.stringify(normal(expected)))
        throw new Error(JSON.stringify(got))
    }),
    { numRuns: 150 },
  )
  t.end()
})

/** Sorts keys and lower-cases names: a compressed name has the case of its first occurrence. */
function normal(value: unknown): unknown {
  if (typeof value === 'string') return value.toLowerCase()
  if (Array.isArray(value)) return value.map(normal)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, normal(inner)]),
  )
}
