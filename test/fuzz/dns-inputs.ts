/** Queries and answers to mutate, and mutators for the format of DNS messages. */
import { dnsPacket } from '../support/dns-packet.ts'
import { hexFixture } from '../support/hex.ts'
import { encode } from '../serve/dns/ask.ts'
import { replaced, type Mutator } from './mutate.ts'

const zone = 'ocp45.example.localdomain'
const edns = { size: 1232, isDnssecOk: true }

export const queries: readonly Uint8Array[] = [
  hexFixture('dns/dig'),
  hexFixture('dns/busybox'),
  encode({ name: `api.${zone}` }),
  encode({ name: `M1.OCP45.example.LocalDomain`, type: 'AAAA', edns }),
  encode({ name: `a.b.apps.${zone}`, edns }),
  encode({ name: `x.deep.apps.${zone}`, type: 'TXT' }),
  encode({ name: 'many.example.localdomain', edns }),
  encode({ name: 'example.localdomain', type: 'SOA', edns }),
  encode({ name: '21.0.16.172.in-addr.arpa', type: 'PTR' }),
  encode({ name: 'example.localdomain', type: 'AXFR' }),
  encode({ name: 'quay.io', edns }),
  encode({ name: 'localhost', type: 'ANY' }),
  encode({ name: '.', type: 'NS' }),
]

const soa = {
  mname: 'ns1.example.org',
  rname: 'root.example.org',
  serial: 1,
  refresh: 2,
  retry: 3,
  expire: 4,
  minimum: 5,
}

/** Answers of resolvers for quay.io: records, an alias, NXDOMAIN, a truncated answer. */
export const resolverAnswers: readonly Uint8Array[] = [
  { rcode: 0, answers: [{ type: 'A', name: 'quay.io', ttl: 60, data: '203.0.113.80' }] },
  {
    rcode: 0,
    answers: [
      { type: 'CNAME', name: 'quay.io', ttl: 60, data: 'edge.example.org' },
      { type: 'A', name: 'edge.example.org', ttl: 60, data: '203.0.113.81' },
      { type: 'MX', name: 'edge.example.org', ttl: 60, data: { preference: 1, exchange: 'mx.quay.io' } },
      { type: 'SRV', name: 'edge.example.org', ttl: 60, data: { port: 443, target: 'quay.io' } },
    ],
  },
  { rcode: 3, answers: [], authorities: [{ type: 'SOA', name: 'io', ttl: 60, data: soa }] },
  { rcode: 0x200, answers: [] },
].map(({ rcode, ...sections }) =>
  dnsPacket.encode({
    type: 'response',
    id: 1,
    flags: dnsPacket.RECURSION_DESIRED | rcode,
    questions: [{ name: 'quay.io', type: 'A', class: 'IN' }],
    ...sections,
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [] }],
  }),
)

const types = [0, 1, 2, 5, 6, 12, 28, 33, 41, 46, 128, 249, 250, 251, 252, 253, 254, 255, 256, 65_535]

/** The first octet after the name of the question. */
export function questionEnd(octets: Uint8Array): number {
  let at = 12
  while (at < octets.length && octets[at] !== 0) at += 1 + (octets[at] as number)
  return Math.min(at + 1, octets.length)
}

export const dnsMutators: readonly Mutator[] = [
  // Wrong counts.
  (octets, random) => {
    const at = 4 + 2 * random.below(4)
    return replaced(octets, at, at + 2, Uint8Array.of(random.once(4) ? 255 : 0, random.below(4)))
  },
  // Flags and operation codes.
  (octets, random) => replaced(octets, 2, 4, random.octets(2)),
  // A pointer: to itself, backward, forward, into the header, or to an offset without a name.
  (octets, random) => {
    const at = 12 + random.below(Math.max(1, octets.length - 12))
    const anywhere = random.below(at)
    const target = random.pick([0, 4, 12, 13, at, at - 2, at + 2, octets.length, 0x3fff, anywhere, anywhere])
    return replaced(octets, at, at + 2, Uint8Array.of(0xc0 | (target >> 8), target))
  },
  // A label with a wrong length or a reserved type.
  (octets, random) => {
    let at = 12
    for (let label = random.below(4); label > 0; label--) at += 1 + (octets[at] ?? 0)
    return replaced(octets, at, at + 1, Uint8Array.of(random.pick([0, 1, 62, 63, 64, 0x80, 0xc0, 0xff])))
  },
  // More labels, up to names that are too long.
  (octets, random) => {
    const label = Uint8Array.of(1 + random.below(63))
    const one = Buffer.concat([label, random.octets(label[0] as number)])
    const many = Array.from({ length: 1 + random.below(5) }, () => one)
    return replaced(octets, 12, 12, Buffer.concat(many))
  },
  // As many labels as fit.
  (octets, random) =>
    replaced(
      octets,
      12,
      12,
      Uint8Array.from({ length: 2 * (90 + random.below(40)) }, (_, at) => ((at & 1) === 0 ? 1 : 0x61)),
    ),
  // Other spelling (RFC 4343).
  (octets, random) => {
    const end = questionEnd(octets)
    return octets.map((octet, at) =>
      at >= 12 && at < end && random.once(2) && octet > 0x40 ? octet ^ 0x20 : octet,
    )
  },
  // Another type or class.
  (octets, random) => {
    const at = questionEnd(octets) + 2 * random.below(2)
    const type = random.pick(types)
    return replaced(octets, at, at + 2, Uint8Array.of(type >> 8, type))
  },
  // An additional OPT record, whose options can have a wrong length.
  (octets, random) => {
    const data = random.octets(random.below(24))
    if (data.length > 4) data.set([0, random.below(16), 0, random.once(3) ? 200 : data.length - 4])
    const length = random.once(4) ? random.below(256) : data.length
    const opt = [
      0,
      0,
      41,
      ...random.octets(2),
      0,
      random.pick([0, 0, 1, 255]),
      ...random.octets(2),
      0,
      length,
      ...data,
    ]
    return Uint8Array.of(...octets.subarray(0, 11), (octets[11] ?? 0) + 1, ...octets.subarray(12), ...opt)
  },
]
