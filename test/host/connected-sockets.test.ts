/** Real sockets on loopback that are limited to one peer, whose host reports a closed port. */
import t, { type Test } from 'tap'
import { createSockets } from '../../src/host/sockets.ts'
import type { UdpPort } from '../../src/host/udp.ts'
import { inbox } from '../support/memory-sockets.ts'

const sockets = createSockets({})

async function bound(t: Test, options = {}): Promise<UdpPort> {
  const port = await sockets.bindUdp({ address: '127.0.0.1', port: 0, ...options })
  t.teardown(() => port.close())
  return port
}

/** A socket limited to a peer that has closed its port, with the refusals that its host reports. */
async function connectedToClosed(t: Test) {
  const gone = await bound(t)
  await gone.close()
  const lost: Error[] = []
  const port = await bound(t, { onLost: (error: Error) => lost.push(error) })
  let refusals = 0
  let heard = () => {}
  const refused = () => {
    refusals++
    heard()
  }
  port.connect?.('127.0.0.1', gone.local.port, refused)
  const untilRefused = () => new Promise<void>((resolve) => (heard = resolve))
  return { port, gone, lost, untilRefused, refusals: () => refusals }
}

t.test(
  'a connected socket reports that the peer has closed its port (udp(7)), and remains open',
  async (t) => {
    const { port, gone, lost, untilRefused } = await connectedToClosed(t)
    const refused = untilRefused()
    port.send(Uint8Array.of(1), '127.0.0.1', gone.local.port)
    await refused
    const peer = await bound(t, { port: gone.local.port })
    const other = await bound(t)
    const arrived = inbox(port).next()
    other.send(Uint8Array.of(3), '127.0.0.1', port.local.port)
    peer.send(Uint8Array.of(2), '127.0.0.1', port.local.port)
    t.equal((await arrived).payload[0], 2, 'only the peer reaches it')
    t.same(lost, [])
  },
)

t.test('a refusal that the kernel reports to the next send', async (t) => {
  const { port, gone, untilRefused, refusals } = await connectedToClosed(t)
  const refused = untilRefused()
  port.send(Uint8Array.of(1), '127.0.0.1', gone.local.port)
  const error = await new Promise<Error>((resolve) =>
    port.send(Uint8Array.of(2), '127.0.0.1', gone.local.port, resolve),
  )
  t.match(error, { code: 'ECONNREFUSED' })
  await refused
  t.ok(refusals() >= 1)
})

t.test('a socket without a route to the peer stays unconnected', async (t) => {
  const [port, peer] = [await bound(t), await bound(t)]
  port.connect?.('255.255.255.255', 9, () => t.fail('a refusal'))
  const arrived = inbox(peer).next()
  port.send(Uint8Array.of(4), '127.0.0.1', peer.local.port)
  t.equal((await arrived).payload[0], 4)
})
