/** Transfers over networks that lose, duplicate, and reorder, and long transfers. */
import fc from 'fast-check'
import t from 'tap'
import type { Flight, Weather } from '../../support/memory-sockets.ts'
import { listenForFile } from '../../support/tftp-client.ts'
import { begin, client, finish, pattern, server } from '../../support/tftp-transfer.ts'

/**
 * Loses, duplicates, and reorders datagrams according to `fates`, but loses no datagram more than twice: a server that
 * sends each six times must succeed.
 */
function weatherOf(fates: readonly string[]): Weather {
  const lost = new Map<string, number>()
  let at = 0
  return ({ payload, from }: Flight) => {
    const fate = fates[at++]
    const key = `${from.port} ${Buffer.from(payload).toString('latin1')}`
    const losses = lost.get(key) ?? 0
    if (fate === 'lost' && losses < 2) {
      lost.set(key, losses + 1)
      return []
    }
    return fate === 'twice' ? [0, 1] : fate === 'late' ? [3] : [0]
  }
}

t.test('the file arrives unchanged over a network that loses, duplicates, and reorders', async () => {
  const fate = fc.constantFrom('ok', 'ok', 'ok', 'lost', 'lost', 'twice', 'late')
  const setting = fc.record({
    octets: fc.integer({ min: 0, max: 700 }),
    blksize: fc.option(fc.integer({ min: 8, max: 60 }), { nil: undefined }),
    windowsize: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    fates: fc.array(fate, { maxLength: 150 }),
  })
  await fc.assert(
    fc.asyncProperty(setting, async ({ octets, blksize, windowsize, fates }) => {
      const content = pattern(octets)
      const expectation = { blksize: blksize ?? 512, windowsize: windowsize ?? 1 }
      const asked = {
        ...(blksize !== undefined && { blksize }),
        ...(windowsize !== undefined && { windowsize }),
      }
      const world = await begin({ content, weather: weatherOf(fates), ...asked })
      const heard = listenForFile(world.clientPort, expectation)
      const outcome = await finish(world, world.start().ended)
      if (JSON.stringify(outcome) !== '{"kind":"finished"}') throw new Error(JSON.stringify(outcome))
      if (!Buffer.from(heard.received).equals(Buffer.from(content))) throw new Error('another file')
      if (world.clock.pending() !== 0) throw new Error('a timer is left')
    }),
    { numRuns: 150 },
  )
})

t.test('duplicate ACKs do not duplicate the blocks (RFC 1123 §4.2.3.1)', async (t) => {
  const weather: Weather = ({ from }) => (from.address === client.address ? [0, 0] : [0])
  const world = await begin({ content: pattern(5000), weather })
  const heard = listenForFile(world.clientPort)
  t.same(await finish(world, world.start().ended), { kind: 'finished' })
  t.same(Uint8Array.from(heard.received), pattern(5000))
  t.equal(world.sockets.flights.filter(({ from }) => from.address === server).length, 10)
})

t.test('a duplicate ACK of a window costs one window, and no more', async (t) => {
  let copies = 0
  // The second ACK of a window arrives twice.
  const weather: Weather = ({ from, payload }) =>
    from.address === client.address && payload[3] === 4 && copies++ === 0 ? [0, 0] : [0]
  const content = pattern(400)
  const file = { octets: 400, chunkCount: 1, chunk: () => content, close: () => undefined }
  const world = await begin({ content, file, blksize: 8, windowsize: 4, weather })
  const heard = listenForFile(world.clientPort, { blksize: 8, windowsize: 4 })
  const { ended, progress } = world.start()
  t.same(await finish(world, ended), { kind: 'finished' })
  t.same(Uint8Array.from(heard.received), pattern(400))
  t.equal(progress().retransmissions, 4)
})

t.test('a network that reorders the blocks of each window hardly slows a transfer down', async (t) => {
  for (const windowsize of [1, 4, 8]) {
    let seed = 1
    const weather: Weather = () => [(seed = (seed * 48_271) % 0x7fff_ffff) % 3]
    const content = pattern(8 * 400)
    const file = { octets: content.length, chunkCount: 1, chunk: () => content, close: () => undefined }
    const world = await begin({ content, file, blksize: 8, windowsize, weather })
    const heard = listenForFile(world.clientPort, { blksize: 8, windowsize })
    const { ended, progress } = world.start()
    let outcome: unknown
    void ended.then((how) => (outcome = how))
    let elapsedMs = -10
    while (outcome === undefined && elapsedMs < 60_000) {
      elapsedMs += 10
      if (elapsedMs > 0) world.clock.advance(10)
      await world.sockets.settled()
    }
    t.same(outcome, { kind: 'finished' })
    t.equal(Buffer.from(heard.received).equals(content), true)
    t.ok(elapsedMs < 5000, `${elapsedMs} ms, and not a timeout of 1 s for each window`)
    t.ok(progress().retransmissions < 4 * 400)
  }
})

t.test('a file of more than 65535 blocks arrives completely', async (t) => {
  const content = pattern(8 * 65_537 + 3)
  const chunk = () => content
  const file = { octets: content.length, chunkCount: 1, chunk, close: () => undefined }
  const world = await begin({ content, file, blksize: 8, windowsize: 64 })
  const heard = listenForFile(world.clientPort, { blksize: 8, windowsize: 64 })
  t.same(await finish(world, world.start().ended), { kind: 'finished' })
  t.equal(Buffer.from(heard.received).equals(content), true)
})

const departures = [
  {
    name: 'before it acknowledged anything',
    acks: [],
    reason: 'the client never responded',
  },
  { name: 'in the middle', acks: [0, 1], reason: 'the client stopped responding after block 1' },
  { name: 'before the last ACK', acks: [0, 1, 2], reason: 'the client did not acknowledge the last block' },
]
for (const { name, acks, reason } of departures) {
  t.test(`a client that closes its port ${name} ends the transfer at the first time-out`, async (t) => {
    const world = await begin({ content: pattern(1500), blksize: 512 })
    const { sockets, clock, clientPort, port, start } = world
    const transfer = start()
    for (const block of acks) {
      await sockets.settled()
      clientPort.send(Uint8Array.of(0, 4, 0, block), port.local.address, port.local.port)
    }
    await sockets.settled()
    await clientPort.close()
    clock.advance(1000)
    await sockets.settled()
    const closed = '192.0.2.11 reports that port 2000 is closed (ICMP port unreachable)'
    t.same(await transfer.ended, { kind: 'failed', code: 'tftp.client-gone', reason: `${reason}: ${closed}` })
    t.equal(clock.pending(), 0)
  })
}

t.test('a client that responds after a time-out gets the rest of the file', async (t) => {
  const world = await begin({ content: pattern(700), weather: weatherOf(['lost', 'lost']) })
  const heard = listenForFile(world.clientPort, { blksize: 512, windowsize: 1 })
  t.same(await finish(world, world.start().ended), { kind: 'finished' })
  t.same(heard.received, [...pattern(700)])
})
