/**
 * How `dhcp` 0.2.20 handles packets, and why slipway does not use it (docs/decisions/0002). It decodes simple messages, so
 * it is used here as an independent decoder of slipway's replies.
 */
import { createRequire } from 'node:module'
import t from 'tap'
import { compileDhcp } from '../../src/plan/dhcp/compile.ts'
import { maxReplyOctets } from '../../src/serve/dhcp/reply.ts'
import { respond } from '../../src/serve/dhcp/respond.ts'
import { exampleModel } from '../support/model.ts'

type Message = {
  readonly yiaddr: string
  readonly file: string
  readonly options: Readonly<Record<number, unknown>>
}
type Server = {
  readonly _sock: { emit(event: 'message', octets: Uint8Array): void; close(): void }
  _send(address: string, message: Message): void
}
const require = createRequire(import.meta.url)
const protocol = require('dhcp/lib/protocol.js') as { parse(octets: Uint8Array): Message }
const dhcp = require('dhcp') as { createServer(settings: Record<string, unknown>): Server }

const end = [255]

/** A request from 00:00:5e:00:53:01 with these options after the magic cookie (RFC 2131 §2, figure 1). */
function request(...options: readonly (readonly number[])[]): Uint8Array {
  return Buffer.from([
    ...[1, 1, 6, 0], // op, htype, hlen, hops
    ...[0x12, 0x34, 0x56, 0x78], // xid
    ...[0, 0, 0, 0], // secs, flags
    ...new Array<number>(16).fill(0), // ciaddr, yiaddr, siaddr, giaddr
    ...[0x00, 0x00, 0x5e, 0x00, 0x53, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], // chaddr
    ...new Array<number>(64 + 128).fill(0), // sname, file
    ...[99, 130, 83, 99], // magic cookie
    ...options.flat(),
  ])
}

/** Suppresses the console output of the package. */
function quietly<T>(run: () => T): T {
  const { error } = console
  console.error = () => {}
  try {
    return run()
  } finally {
    console.error = error
  }
}

/** Returns the replies of a server with one reservation (192.0.2.21); binds no socket. */
function replies(octets: Uint8Array): Message[] {
  const sent: Message[] = []
  const server = dhcp.createServer({
    range: ['192.0.2.10', '192.0.2.99'],
    netmask: '255.255.255.0',
    router: ['192.0.2.254'],
    dns: ['192.0.2.1'],
    server: '192.0.2.1',
    broadcast: '192.0.2.255',
    static: { '00-00-5E-00-53-01': '192.0.2.21' },
  })
  server._send = (_address, message) => void sent.push(message)
  quietly(() => server._sock.emit('message', octets))
  server._sock.close()
  return sent
}

t.test('it decodes well-formed options', (t) => {
  const message = protocol.parse(request([53, 1, 1], [12, 2, 0x6d, 0x31], end))
  t.same(message.options, { 53: 1, 12: 'm1' })
  t.end()
})

t.test('it decodes a pad as two octets, and so misreads the next options (RFC 2132 §3.1: one octet)', (t) => {
  // After the pad it uses the 4 of option 50 as the next code and 192 as its length, which exceeds the packet.
  const padded = request([53, 1, 3], [0], [50, 4, 192, 0, 2, 21], end)
  t.throws(() => protocol.parse(padded), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
  t.end()
})

for (const { name, option } of [
  { name: '82, relay agent information (RFC 3046)', option: [82, 3, 1, 1, 7] },
  { name: '93, client system architecture (RFC 4578 §2.1)', option: [93, 2, 0, 7] },
  { name: '175, the features of iPXE', option: [175, 3, 36, 1, 1] },
]) {
  t.test(`it ignores option ${name}`, (t) => {
    const message = quietly(() => protocol.parse(request([53, 1, 1], option, end)))
    t.same(message.options, { 53: 1 })
    t.end()
  })
}

const ack = 5
const cases = [
  {
    name: 'it acknowledges an address of another network, where RFC 2131 §4.3.2 (INIT-REBOOT) requires a NAK',
    octets: request([53, 1, 3], [50, 4, 198, 51, 100, 7], end),
  },
  {
    name: 'it acknowledges an address other than the reserved one instead of refusing it',
    octets: request([53, 1, 3], [54, 4, 192, 0, 2, 1], [50, 4, 192, 0, 2, 66], end),
  },
  {
    name: 'it acknowledges a request that selected another server (RFC 2131 §4.3.2: server identifier)',
    octets: request([53, 1, 3], [54, 4, 203, 0, 113, 9], [50, 4, 203, 0, 113, 21], end),
  },
]
for (const { name, octets } of cases) {
  t.test(name, (t) => {
    const [reply, ...more] = replies(octets)
    t.same(more, [])
    t.equal(reply?.options[53], ack)
    t.equal(reply?.yiaddr, '192.0.2.21')
    t.end()
  })
}

t.test('it decodes our replies correctly', (t) => {
  const { plan } = compileDhcp(exampleModel())
  const out = new Uint8Array(maxReplyOctets)
  const discover = request([53, 1, 1], [55, 5, 1, 3, 6, 12, 15], end)
  discover.set([0x00, 0x00, 0x5e, 0x00, 0x53, 0x11], 28) // chaddr: ocp45/m1
  const result = respond({ payload: discover, address: '0.0.0.0', port: 68 }, 'broadcast', plan, out)
  if (result.kind !== 'offered') throw new Error(`expected an offer, got ${result.kind}`)
  const message = protocol.parse(Buffer.from(out.subarray(0, result.octets)))
  t.match(message, { op: 2, xid: 0x12345678, yiaddr: '192.0.2.11', chaddr: '00-00-5E-00-53-11' })
  t.match(message.options, {
    1: '255.255.255.0',
    3: ['192.0.2.1'],
    6: ['192.0.2.2'],
    12: 'm1.ocp45.example.net',
    15: 'ocp45.example.net',
    51: 86_400,
    53: 2,
    54: '192.0.2.2',
  })
  t.end()
})
