import t from 'tap'
import { MalformedPacket } from '../../../src/proto/bytes.ts'
import { readFound, type Found } from '../../../src/serve/dns/cache.ts'
import { readU32 } from '../../../src/serve/dns/reply.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { hex } from '../../support/hex.ts'

type Records = readonly Record<string, unknown>[]

const a = (ttl: number, name = 'quay.io') => ({ type: 'A', name, ttl, data: '192.0.2.1' })
const alias = (ttl: number) => ({ type: 'CNAME', name: 'quay.io', ttl, data: 'cdn.example' })
const soa = (ttl: number, minimum: number) => ({
  type: 'SOA',
  name: 'io',
  ttl,
  data: { mname: 'a.example', rname: 'b.example', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
})
const ns = { type: 'NS', name: 'io', ttl: 50, data: 'a.example' }
const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [] }

function message(changes: {
  rcode?: number
  type?: string
  answers?: Records
  authorities?: Records
  additionals?: Records
}) {
  const { rcode = 0, type = 'A', ...sections } = changes
  return dnsPacket.encode({
    type: 'response',
    id: 1,
    flags: rcode,
    questions: [{ type, name: 'quay.io' }],
    ...sections,
  })
}

const ttlsOf = ({ octets, ttlAt }: Found) => ttlAt.map((at) => readU32(octets, at))

t.test('an answer is cached for the lowest TTL of its records', (t) => {
  const cases: { name: string; octets: Uint8Array; life: number; ttls: number[] }[] = [
    { name: 'as long as its records', octets: message({ answers: [a(60)] }), life: 60, ttls: [60] },
    {
      name: 'as long as the first of them, in all sections',
      octets: message({
        answers: [alias(300), a(60, 'cdn.example')],
        authorities: [ns],
        additionals: [a(40)],
      }),
      life: 40,
      ttls: [300, 60, 50, 40],
    },
    {
      name: 'an answer with a TTL of 0 is not cached (RFC 1035 §3.2.1)',
      octets: message({ answers: [a(0)] }),
      life: 0,
      ttls: [0],
    },
    {
      name: 'a day at most (RFC 8767 §4)',
      octets: message({ answers: [a(604_800)] }),
      life: 86_400,
      ttls: [86_400],
    },
    {
      name: 'a TTL with the highest bit set is a long one (RFC 8767 §4)',
      octets: message({ answers: [a(0xffffffff)] }),
      life: 86_400,
      ttls: [86_400],
    },
    {
      name: 'no such name: the minimum of the SOA record (RFC 2308 §5)',
      octets: message({ rcode: 3, authorities: [soa(900, 60)] }),
      life: 60,
      ttls: [60],
    },
    {
      name: 'no such name: the TTL of the SOA record (RFC 2308 §3)',
      octets: message({ rcode: 3, authorities: [soa(30, 60)] }),
      life: 30,
      ttls: [30],
    },
    {
      name: 'nothing: three hours at most (RFC 2308 §5)',
      octets: message({ authorities: [soa(86_400, 86_400)] }),
      life: 10_800,
      ttls: [10_800],
    },
    {
      name: 'an alias of nothing (RFC 2308 §2.2)',
      octets: message({ answers: [alias(300)], authorities: [soa(900, 900)] }),
      life: 300,
      ttls: [300, 900],
    },
    { name: 'nothing without a SOA is not kept (RFC 2308 §5)', octets: message({}), life: 0, ttls: [] },
    { name: 'nor is a name that is not there', octets: message({ rcode: 3 }), life: 0, ttls: [] },
    { name: 'nor is a referral', octets: message({ authorities: [ns] }), life: 0, ttls: [50] },
    {
      name: 'an alias without a target is not cached either',
      octets: message({ answers: [alias(300)] }),
      life: 0,
      ttls: [300],
    },
    {
      name: 'an alias, if that type was requested',
      octets: message({ type: 'CNAME', answers: [alias(300)] }),
      life: 300,
      ttls: [300],
    },
    {
      name: 'any type, if ANY was requested',
      octets: message({ type: 'ANY', answers: [a(9)] }),
      life: 9,
      ttls: [9],
    },
  ]
  for (const { name, octets, life, ttls } of cases) {
    const found = readFound(octets)
    t.equal(found.lifeSeconds, life, name)
    t.same(ttlsOf(found), ttls, name)
  }
  t.end()
})

t.test('the OPT record and all records after it are removed', (t) => {
  const plain = message({ answers: [a(60)], additionals: [a(70, 'a.example')] })
  const cases = [
    { additionals: [a(70, 'a.example')], kept: ['A'] },
    { additionals: [a(70, 'a.example'), opt], kept: ['A'] },
    { additionals: [opt], kept: [] },
    { additionals: [opt, a(70, 'a.example')], kept: [] },
  ]
  for (const { additionals, kept } of cases) {
    const { octets } = readFound(message({ answers: [a(60)], additionals }))
    t.same(
      dnsPacket.decode(octets).additionals.map(({ type }) => type),
      kept,
    )
  }
  t.same(Buffer.from(readFound(plain).octets), plain)
  const empty = readFound(message({ rcode: 3, additionals: [opt] }))
  t.equal(dnsPacket.decode(empty.octets).rcode, 'NXDOMAIN')
  t.end()
})

t.test('the octets are a copy, and a message must have one question', (t) => {
  const octets = message({ answers: [a(0xffffffff)] })
  const before = Buffer.from(octets)
  readFound(octets)
  t.same(octets, before)
  t.throws(
    () => readFound(dnsPacket.encode({ type: 'response', id: 1 })),
    new MalformedPacket('0 questions, expected 1', 4),
  )
  t.throws(() => readFound(octets.subarray(0, -1)), MalformedPacket)
  t.end()
})

t.test('pointers into TTLs and OPT records are malformed (RFC 1035 §4.1.4)', (t) => {
  const octets = hex(`
    0001 8000 0001 0001 0000 0001
    04 71756179 02 696f 00 000f 0001                                  # 12: quay.io MX
    c00c 000f 0001 0000003c 0004 0001 c022                            # 25: to octet 34, the 60 of its own TTL
    00 0029 04d0 00000000 002c 000c 0028 ${'00'.repeat(40)}           # 41: OPT, Padding (RFC 7830)
  `)
  t.throws(() => readFound(octets), new MalformedPacket('pointer does not lead to an earlier name', 39))
  t.end()
})
