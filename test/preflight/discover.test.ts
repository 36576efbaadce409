import t from 'tap'
import { discover } from '../../src/preflight/discover.ts'
import { ipv4Octets, parseIpv4, type Ipv4 } from '../../src/proto/address/ip.ts'
import { decodeMessage, encodeMessage, type DhcpMessage } from '../../src/proto/dhcp/message.ts'
import { MessageType, OptionCode } from '../../src/proto/dhcp/option-table.ts'
import { simulationMark } from '../../src/proto/dhcp/values/sub-options.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { memorySockets } from '../support/memory-sockets.ts'

const options = { source: '192.0.2.2', serverPort: 67, clientPort: 68 }
const random = (octets: number) => new Uint8Array(octets).fill(0xff)
const address = (text: string) => parseIpv4(text) as Ipv4

/** An in-memory network; each function returns the reply of a server, or nothing. */
async function probe(
  ...servers: ((request: DhcpMessage) => Partial<DhcpMessage> | Uint8Array | undefined)[]
) {
  const sockets = memorySockets()
  const clock = fakeClock()
  const requests: DhcpMessage[] = []
  const server = await sockets.bindUdp({ address: '0.0.0.0', port: 67, broadcast: true })
  server.receive((batch) => {
    for (const { payload } of batch) {
      const request = decodeMessage(Uint8Array.from(payload))
      requests.push(request)
      for (const reply of servers.map((answer) => answer(request))) {
        if (reply === undefined) continue
        const out = new Uint8Array(600)
        const octets =
          reply instanceof Uint8Array
            ? reply
            : out.subarray(0, encodeMessage({ ...request, op: 2, ...reply }, out))
        server.send(octets, '255.255.255.255', 68)
      }
    }
  })
  const found = discover(options, { sockets, clock, random })
  for (let step = 0; step < 4; step++) {
    await sockets.settled()
    clock.advance(2000)
  }
  const result = await found
  await server.close()
  t.same(sockets.open(), [], 'every socket is closed')
  return { result, requests }
}

const offer = (server: string, type: number = MessageType.offer) => ({
  options: [
    { code: OptionCode.messageType, value: Uint8Array.of(type) },
    { code: OptionCode.serverIdentifier, value: ipv4Octets(address(server)) },
  ],
})

t.test('each server that makes an offer is found once', async (t) => {
  const { result } = await probe(
    () => offer('192.0.2.9'),
    () => offer('192.0.2.7'),
    () => undefined,
  )
  t.same(result, { servers: ['192.0.2.9', '192.0.2.7'] })
})

t.test('only DISCOVER is sent, from a locally administered address, with the mark of slipway', async (t) => {
  const { requests } = await probe(() => offer('192.0.2.9'))
  t.equal(requests.length, 2)
  for (const { options: sent, chaddr, flags, ciaddr } of requests) {
    t.same(
      sent.map(({ code, value }) => ({ code, value })),
      [{ code: OptionCode.messageType, value: Uint8Array.of(MessageType.discover) }, simulationMark()],
    )
    t.equal((chaddr[0] as number) & 0b11, 0b10)
    t.same([flags, ciaddr], [0x8000, 0])
  }
})

t.test('messages that are not an offer to this probe are ignored', async (t) => {
  const { result } = await probe(
    () => offer('192.0.2.9', MessageType.nak),
    () => ({ ...offer('192.0.2.9'), xid: 1 }),
    () => ({ ...offer('192.0.2.9'), chaddr: new Uint8Array(16) }),
    () => ({ options: [{ code: OptionCode.messageType, value: Uint8Array.of(MessageType.offer) }] }),
    () => Uint8Array.of(1, 2, 3),
  )
  t.same(result, { servers: [] })
})

t.test('a port that cannot be bound is a problem', async (t) => {
  const sockets = { bindUdp: () => Promise.reject(new Error('binding port 68 needs a privilege')) }
  t.same(await discover(options, { sockets, clock: fakeClock() }), {
    problem: 'binding port 68 needs a privilege',
  })
})
