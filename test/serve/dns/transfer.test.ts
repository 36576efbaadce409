/** Zone transfers: which clients may request them, and that an independent decoder reads the zone. */
import t from 'tap'
import type { DnsPlan } from '../../../src/plan/dns/plan.ts'
import { answer } from '../../../src/serve/dns/answer.ts'
import type { Transport } from '../../../src/serve/dns/query.ts'
import { guideModel } from '../../plan/dns/guide.ts'
import { recordText } from '../../plan/dns/zone-text.ts'
import { dnsPacket, type DecodedMessage } from '../../support/dns-packet.ts'
import { hex } from '../../support/hex.ts'
import { encode, planOf } from './ask.ts'

const zone = 'example.localdomain'
const model = guideModel((site) => {
  site.dns['secondaries'] = ['192.0.2.53']
  site.dns['records'] = [
    { name: `git.${zone}`, cname: `ns1.${zone}` },
    { name: `_git._tcp.${zone}`, srv: [{ target: `ns1.${zone}`, port: 9418 }] },
    ...Array.from({ length: 12 }, (_, index) => ({ name: `t${index}.${zone}`, txt: ['x'.repeat(3000)] })),
    { name: `lab2.${zone}`, ns: [`ns.lab2.${zone}`] },
    { name: `ns.lab2.${zone}`, address: ['172.16.0.62', '2001:db8::62'] },
  ]
})
const plan = planOf({ ...model, serial: 100 })
const RD = dnsPacket.RECURSION_DESIRED

function request(query: Uint8Array, transport: Transport = 'tcp', isSecondary = true, from: DnsPlan = plan) {
  return answer(query, { mayForward: false, isSecondary }, from, new Uint8Array(65_535), transport)
}

function copied(query: Uint8Array): DecodedMessage[] {
  const result = request(query)
  if (result.kind !== 'transfer') throw new Error(`no transfer: ${JSON.stringify(result)}`)
  return [...result.messages].map((message) => dnsPacket.decode(message))
}

/** An IXFR query that has `serial` already (RFC 1995 §3). */
function incremental(serial: number, name = zone): Uint8Array {
  const soa = {
    mname: 'ns1.example.net',
    rname: 'root.example.net',
    serial,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum: 1,
  }
  return dnsPacket.encode({
    type: 'query',
    id: 7,
    questions: [{ name, type: 'IXFR' }],
    authorities: [{ name, type: 'SOA', data: soa }],
  })
}

t.test('AXFR: the SOA record, all records, the SOA record again (RFC 5936 §2.2)', (t) => {
  const messages = copied(
    encode({ name: 'Example.LocalDomain', type: 'AXFR', id: 0xbeef, flags: RD, edns: {} }),
  )
  t.equal(messages.length > 2, true, `${messages.length} messages`)
  for (const { id, flag_aa, flag_rd, rcode, questions, additionals } of messages) {
    t.match({ id, flag_aa, flag_rd, rcode }, { id: 0xbeef, flag_aa: true, flag_rd: true, rcode: 'NOERROR' })
    t.match(questions, [{ name: 'Example.LocalDomain', type: 'AXFR' }])
    t.match(additionals, [{ type: 'OPT', udpPayloadSize: 1232 }], 'a query with EDNS gets a reply with EDNS')
  }
  const records = messages.flatMap(({ answers }) => answers)
  const served = plan.zones[0]?.records ?? []
  t.equal(records.length, served.length + 1)
  t.match([records[0], records.at(-1)], [{ type: 'SOA', data: { serial: 100 } }, { type: 'SOA' }])
  // What dns-packet read, record by record, against the zone as text.
  const types = records.slice(0, -1).map(({ name, type }) => `${name.toLowerCase()}. 3600 IN ${type}`)
  t.same(
    types,
    served.map((record) => recordText(record).split(' ').slice(0, 4).join(' ')),
  )
  t.equal(copied(encode({ name: zone, type: 'AXFR' }))[0]?.additionals.length, 0, 'no OPT unasked')
  t.end()
})

t.test('every message of a transfer has a cookie (RFC 7873 §5.2.3)', (t) => {
  const query = hex(
    '0007 0000 0001 0000 0000 0001' +
      '07 6578616d706c65 0b 6c6f63616c646f6d61696e 00 00fc 0001' + // example.localdomain AXFR
      '00 0029 04d0 00000000 000c 000a 0008 0102030405060708', // OPT with a client cookie
  )
  const cookie = (received: Uint8Array) => Uint8Array.of(0, 10, 0, 16, ...received, ...received)
  const client = { mayForward: false, isSecondary: true, cookie }
  const result = answer(query, client, plan, new Uint8Array(65_535), 'tcp')
  if (result.kind !== 'transfer') throw new Error(result.kind)
  for (const message of result.messages) {
    const [opt] = dnsPacket.decode(message).additionals
    t.match(opt?.options, [{ code: 10, data: hex('01020304050607080102030405060708') }])
  }
  t.end()
})

t.test('IXFR: the whole zone for an older version, the SOA record for this one (RFC 1995 §2, §4)', (t) => {
  const one = (query: Uint8Array, transport: Transport) => {
    const result = request(query, transport)
    if (result.kind !== 'reply') throw new Error(result.kind)
    return dnsPacket.decode(result.octets)
  }
  t.equal(
    copied(incremental(99)).flatMap(({ answers }) => answers).length,
    (plan.zones[0]?.records.length ?? 0) + 1,
  )
  t.match(copied(incremental(99))[0]?.questions, [{ type: 'IXFR' }])
  t.equal(copied(encode({ name: zone, type: 'IXFR' })).length > 1, true, 'and for a query without a serial')
  for (const [serial, transport] of [
    [100, 'tcp'],
    [101, 'tcp'],
    [99, 'udp'],
    [100, 'udp'],
  ] as const) {
    const { answers, flag_aa, flag_tc } = one(incremental(serial), transport)
    t.match({ answers, flag_aa, flag_tc }, { answers: { length: 1 }, flag_aa: true, flag_tc: false })
    t.match(answers, [{ type: 'SOA', data: { serial: 100 } }], `${serial} over ${transport}`)
  }
  t.end()
})

t.test('refused transfers carry a reason', (t) => {
  const axfr = encode({ name: zone, type: 'AXFR', edns: {} })
  const reason = 'zones are transferred to the secondaries of this site only'
  t.match(request(axfr, 'tcp', false), { outcome: 'refused', reason })
  t.match(request(incremental(1), 'udp', false), { outcome: 'refused', reason })
  t.match(request(axfr, 'udp'), { outcome: 'refused', reason: 'whole zones are transferred over TCP only' })
  for (const name of ['example.org', `ocp45.${zone}`, `nobody.${zone}`]) {
    const result = request(encode({ name, type: 'AXFR' }))
    t.match(result, { kind: 'reply', outcome: 'notAuthoritative' }, name)
    if (result.kind === 'reply')
      t.equal(dnsPacket.decode(result.octets).rcode, 'NOTAUTH', `${name} (RFC 5936 §2.2.1)`)
  }
  t.end()
})

t.test('an IXFR query with a broken SOA record is malformed', (t) => {
  const head = '0007 0000 0001 0000 0001 0000 07 6578616d706c65 0b 6c6f63616c646f6d61696e 00 00fb 0001'
  const cases = [
    {
      name: 'names alone',
      soa: '00 0006 0001 00000000 0002 00 00',
      reason: 'SOA record cut short at octet 48',
    },
    {
      name: 'a pointer to itself',
      soa: '00 0006 0001 00000000 0002 c030',
      reason: 'pointer does not lead to an earlier name at octet 48',
    },
  ]
  for (const { name, soa, reason } of cases) {
    t.match(request(hex(`${head} ${soa}`)), { kind: 'reply', outcome: 'malformed', reason }, name)
  }
  t.end()
})
