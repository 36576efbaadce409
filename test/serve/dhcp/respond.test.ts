import fc from 'fast-check'
import t from 'tap'
import { formatIpv4 } from '../../../src/proto/address/ip.ts'
import { MalformedPacket } from '../../../src/proto/bytes.ts'
import { decodeMessage } from '../../../src/proto/dhcp/message.ts'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import { maxReplyOctets } from '../../../src/serve/dhcp/reply.ts'
import { respond } from '../../../src/serve/dhcp/respond.ts'
import { ask, replyFrom } from '../../support/dhcp-ask.ts'
import { captures } from '../../support/dhcp-captures.ts'
import { clientPacket, octetsOf } from '../../support/dhcp-message.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

type Fields = Parameters<typeof clientPacket>[0]

/** Node ocp45/m1 has 00:00:5e:00:53:11 and 192.0.2.11; its server is 192.0.2.2. A second subnet is behind a relay. */
const site = exampleSite()
site.subnets.push({ cidr: '198.51.100.0/24', gateway: '198.51.100.1' })
const { plan } = compileDhcp(exampleModel(site))

const right: readonly [number, number[]] = [50, octetsOf('192.0.2.11')]
const wrong: readonly [number, number[]] = [50, octetsOf('192.0.2.99')]

const replyTo = (fields: Fields) => replyFrom(plan, clientPacket(fields))

const notOurs = [
  {
    name: 'a reply',
    fields: { op: 2, type: 'ack' } as const,
    code: 'dhcp.not-a-request',
    reason: 'a reply, not a request',
  },
  {
    name: 'another hardware type (RFC 4390: InfiniBand)',
    fields: { htype: 32, hlen: 0 },
    code: 'dhcp.not-ethernet',
    reason: 'hardware type 32 with an address of 0 octets is not Ethernet',
  },
  {
    name: 'an Ethernet address of eight octets',
    fields: { hlen: 8 },
    code: 'dhcp.not-ethernet',
    reason: 'hardware type 1 with an address of 8 octets is not Ethernet',
  },
]
for (const { name, fields, code, reason } of notOurs) {
  t.test(`${name} is ignored`, (t) => {
    t.same(ask(plan, clientPacket(fields)).result, { kind: 'not-ours', code, reason })
    t.end()
  })
}

const unknownClients: { name: string; fields: { giaddr?: string }; reason: string }[] = [
  {
    name: "on the server's own network",
    fields: {},
    reason: 'no reservation for 52:54:00:00:00:09 on 192.0.2.0/24',
  },
  {
    name: 'behind a relay agent',
    fields: { giaddr: '198.51.100.1' },
    reason: 'no reservation for 52:54:00:00:00:09 on 198.51.100.0/24',
  },
  {
    name: 'on a network that is not declared',
    fields: { giaddr: '203.0.113.1' },
    reason: 'no reservation for 52:54:00:00:00:09 on 203.0.113.1',
  },
]
for (const { name, fields, reason } of unknownClients) {
  t.test(`an undeclared machine ${name} gets no reply`, (t) => {
    const { result } = ask(
      plan,
      clientPacket({
        ...fields,
        type: 'discover',
        mac: '52:54:00:00:00:09',
        options: [
          [60, 'PXEClient:Arch:00007:UNDI:003000\x1b'],
          [93, [0, 7]],
        ],
      }),
    )
    const { giaddr } = fields
    t.same(result, {
      kind: 'unknown-client',
      client: {
        mac: '52:54:00:00:00:09',
        vendorClass: 'PXEClient:Arch:00007:UNDI:003000?',
        architecture: 7,
        relay: giaddr === undefined ? undefined : { address: giaddr },
      },
      about: {
        xid: 0x12345678,
        mac: '52:54:00:00:00:09',
        architecture: 7,
        code: 'dhcp.no-reservation',
        reason,
      },
    })
    t.end()
  })
}

/** RFC 2131 §4.3.1, table 3: fields of the server's messages. */
const fields = [
  { name: 'OFFER', ask: { type: 'discover' }, type: 2, ciaddr: '0.0.0.0', yiaddr: '192.0.2.11', lease: true },
  {
    name: 'OFFER to a client that has an address',
    ask: { type: 'discover', ciaddr: '192.0.2.11' },
    type: 2,
    ciaddr: '0.0.0.0',
    yiaddr: '192.0.2.11',
    lease: true,
  },
  {
    name: 'ACK',
    ask: { type: 'request', options: [right] },
    type: 5,
    ciaddr: '0.0.0.0',
    yiaddr: '192.0.2.11',
    lease: true,
  },
  {
    name: 'ACK to a client that renews',
    ask: { type: 'request', ciaddr: '192.0.2.11' },
    type: 5,
    ciaddr: '192.0.2.11',
    yiaddr: '192.0.2.11',
    lease: true,
  },
  {
    name: 'ACK to INFORM (§4.3.5: no yiaddr, no lease, no times)',
    ask: { type: 'inform', ciaddr: '192.0.2.77' },
    type: 5,
    ciaddr: '192.0.2.77',
    yiaddr: '0.0.0.0',
    lease: false,
  },
  {
    name: 'NAK',
    ask: { type: 'request', options: [wrong] },
    type: 6,
    ciaddr: '0.0.0.0',
    yiaddr: '0.0.0.0',
    lease: false,
  },
  {
    name: 'NAK to a client that renews',
    ask: { type: 'request', ciaddr: '192.0.2.99' },
    type: 6,
    ciaddr: '0.0.0.0',
    yiaddr: '0.0.0.0',
    lease: false,
  },
] as const
for (const { name, ask: asked, type, ciaddr, yiaddr, lease } of fields) {
  t.test(`RFC 2131 table 3: ${name}`, (t) => {
    const reply = replyTo({ ...asked, hops: 3, secs: 9, flags: 0x8000 })
    t.match(reply, { op: 2, htype: 1, hlen: 6, hops: 0, xid: 0x12345678, secs: 0, flags: 0x8000, sname: '' })
    t.equal(formatIpv4(reply.ciaddr), ciaddr)
    t.equal(formatIpv4(reply.yiaddr), yiaddr)
    t.same([...reply.chaddr].slice(0, 6), [0x00, 0x00, 0x5e, 0x00, 0x53, 0x11])
    t.same(reply.value(53), [type])
    t.same(reply.value(54), octetsOf('192.0.2.2'))
    t.same(
      [51, 58, 59].map((code) => reply.codes.includes(code)),
      [lease, lease, lease],
    )
    t.equal(reply.codes.includes(56), type === 6, 'a NAK has the reason')
    t.equal(reply.codes.includes(1), type !== 6, 'a NAK has no other parameters')
    t.end()
  })
}

/** RFC 2131 §4.1. */
const destinations = [
  {
    name: 'a relay agent: its server port',
    ask: { type: 'discover', giaddr: '192.0.2.1' },
    to: '192.0.2.1:67',
  },
  {
    name: 'a relay agent, although the client has an address',
    ask: { type: 'request', giaddr: '192.0.2.1', ciaddr: '192.0.2.11' },
    to: '192.0.2.1:67',
  },
  {
    name: 'a client with an address: unicast',
    ask: { type: 'request', ciaddr: '192.0.2.11' },
    to: '192.0.2.11:68',
  },
  {
    name: 'a client with an address and the broadcast flag: unicast',
    ask: { type: 'request', ciaddr: '192.0.2.11', flags: 0x8000 },
    to: '192.0.2.11:68',
  },
  { name: 'a client without an address: broadcast', ask: { type: 'discover' }, to: '255.255.255.255:68' },
  {
    name: 'a client that requests a broadcast',
    ask: { type: 'discover', flags: 0x8000 },
    to: '255.255.255.255:68',
  },
  { name: 'NAK: broadcast', ask: { type: 'request', ciaddr: '192.0.2.99' }, to: '255.255.255.255:68' },
  {
    name: 'NAK through a relay agent',
    ask: { type: 'request', options: [wrong], giaddr: '192.0.2.1' },
    to: '192.0.2.1:67',
  },
  { name: '§4.3.5 INFORM: unicast', ask: { type: 'inform', ciaddr: '192.0.2.77' }, to: '192.0.2.77:68' },
  {
    name: '§4.3.5 INFORM through a relay agent: unicast',
    ask: { type: 'inform', ciaddr: '192.0.2.77', giaddr: '192.0.2.1' },
    to: '192.0.2.77:68',
  },
] as const
for (const { name, ask: asked, to } of destinations) {
  t.test(`RFC 2131 §4.1: the reply goes to ${name}`, (t) => {
    const { result } = ask(plan, clientPacket(asked))
    const [address, port] = to.split(':')
    t.match(result, { to: { address, port: Number(port) } })
    t.end()
  })
}

t.test(
  "RFC 2131 §4.3.2: a NAK through a relay agent has the broadcast flag, other replies the client's",
  (t) => {
    const giaddr = '192.0.2.1'
    t.equal(replyTo({ type: 'request', options: [wrong], giaddr }).flags, 0x8000)
    t.equal(replyTo({ type: 'request', options: [right], giaddr }).flags, 0)
    t.equal(replyTo({ type: 'request', options: [wrong] }).flags, 0)
    t.end()
  },
)

t.test('replies use the ports of the site file, so that tests run without root', (t) => {
  const moved = { ...plan, serverPort: 6767, clientPort: 6768 }
  const out = new Uint8Array(maxReplyOctets)
  const to = (fields: Fields) =>
    respond({ payload: clientPacket(fields), address: '0.0.0.0', port: 68 }, 'unknown', moved, out)
  t.match(to({ type: 'discover' }), { to: { port: 6768 } })
  t.match(to({ type: 'discover', giaddr: '192.0.2.1' }), { to: { port: 6767 } })
  t.end()
})

t.test('an option that is not read can have any length', (t) => {
  const odd: Fields['options'] = [
    [51, [1]],
    [1, [1, 2, 3]],
    [3, []],
    [119, [200]],
  ]
  t.match(ask(plan, clientPacket({ type: 'discover', options: odd })).result, { kind: 'offered' })
  t.end()
})

t.test('property: any packet is answered, ignored, or malformed, and the reply can be decoded', (t) => {
  const out = new Uint8Array(maxReplyOctets)
  const relevant = fc.constantFrom(12, 50, 52, 53, 54, 55, 57, 60, 61, 77, 82, 93, 97, 175)
  const options = fc.array(fc.tuple(relevant, fc.array(fc.nat(255), { maxLength: 300 })), { maxLength: 12 })
  const anyFields = fc.record({
    type: fc.constantFrom('discover', 'request', 'inform', 'decline', 'release') as fc.Arbitrary<'discover'>,
    ciaddr: fc.constantFrom('0.0.0.0', '192.0.2.11', '192.0.2.99'),
    giaddr: fc.constantFrom('0.0.0.0', '192.0.2.1', '198.51.100.1'),
    options: fc.constant([]),
  })
  const anyPacket = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc.constantFrom(...captures).chain(({ octets }) =>
      fc.tuple(fc.nat(octets.length - 1), fc.nat(255)).map(([at, octet]) => {
        const damaged = Uint8Array.from(octets)
        damaged[at] = octet
        return damaged
      }),
    ),
    fc.tuple(anyFields, options).map(([fields, values]) => clientPacket({ ...fields, options: values })),
  )
  fc.assert(
    fc.property(anyPacket, (packet) => {
      try {
        const result = respond({ payload: packet, address: '0.0.0.0', port: 68 }, 'unknown', plan, out)
        if (!('octets' in result)) return
        const reply = decodeMessage(out.subarray(0, result.octets))
        if (reply.op !== 2 || result.octets < 300) throw new Error('not a reply')
      } catch (error) {
        if (!(error instanceof MalformedPacket)) throw error
      }
    }),
    { numRuns: 300 },
  )
  t.end()
})
