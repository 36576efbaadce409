import t from 'tap'
import { CannotRead, type ServedFile } from '../../../src/serve/tftp/files.ts'
import { negotiate } from '../../../src/serve/tftp/request.ts'
import { startTransfer } from '../../../src/serve/tftp/active-transfer.ts'
import { hex } from '../../support/hex.ts'
import { inbox } from '../../support/memory-sockets.ts'
import { listenForFile } from '../../support/tftp-client.ts'
import { begin, client, finish, pattern, server, slowFile } from '../../support/tftp-transfer.ts'

const sizes = [0, 1, 511, 512, 513, 1024, 1025]
for (const octets of sizes) {
  t.test(`a file of ${octets} octets in blocks of 512 (RFC 1350 §2)`, async (t) => {
    const world = await begin({ content: pattern(octets) })
    const heard = listenForFile(world.clientPort)
    const { ended, progress } = world.start()
    t.same(await finish(world, ended), { kind: 'finished' })
    t.same(Uint8Array.from(heard.received), pattern(octets))
    t.equal(heard.isComplete(), true)
    t.same(progress(), { octets, retransmissions: 0 })
    t.equal(world.clock.pending(), 0)
    t.same(world.sockets.open(), ['192.0.2.11:2000'])
    const data = world.sockets.flights.filter(({ from }) => from.address === server)
    t.equal(data.length, Math.floor(octets / 512) + 1)
  })
}

t.test('netascii is translated before it is cut into blocks (RFC 1350 §1)', async (t) => {
  const world = await begin({ content: Buffer.from('ab\ncd\r\n'), blksize: 8, mode: 'netascii' })
  const heard = listenForFile(world.clientPort, { blksize: 8 })
  t.same(await finish(world, world.start().ended), { kind: 'finished' })
  t.equal(Buffer.from(heard.received).toString(), 'ab\r\ncd\r\0\r\n')
})

t.test(
  'back-off: blocks are sent again on time, and without any ACK the transfer ends after 23 s',
  async (t) => {
    const world = await begin({ content: pattern(10) })
    const heard = inbox(world.clientPort)
    const { ended, isUnresponsive } = world.start()
    const seconds: number[] = []
    for (let second = 1; second <= 23; second++) {
      await world.sockets.settled()
      const before = heard.all.length
      world.clock.advance(1000)
      await world.sockets.settled()
      if (heard.all.length > before) seconds.push(second)
    }
    t.same(seconds, [1, 3, 7, 15])
    t.same(await ended, {
      kind: 'failed',
      code: 'tftp.client-timeout',
      reason: 'the client did not acknowledge the last block',
    })
    t.equal(isUnresponsive(), false, 'it never spoke')
    t.equal(world.clock.pending(), 0)
  },
)

t.test('an ACK postpones the timeout', async (t) => {
  const world = await begin({ content: pattern(2000) })
  const heard = inbox(world.clientPort)
  world.start()
  const first = await heard.next()
  world.clock.advance(500)
  world.clientPort.send(hex('00 04 00 01'), first.address, first.port)
  await heard.next()
  world.clock.advance(999)
  await world.sockets.settled()
  t.equal(heard.all.length, 2)
  world.clock.advance(1)
  await world.sockets.settled()
  t.equal(heard.all.length, 3)
})

t.test('after an ACK, a long back-off returns to the short timeout', async (t) => {
  const world = await begin({ content: pattern(2000) })
  const heard = inbox(world.clientPort)
  world.start()
  const first = await heard.next()
  world.clock.advance(1000 + 2000 + 4000) // the timer is set for 8 s
  await world.sockets.settled()
  world.clientPort.send(hex('00 04 00 01'), first.address, first.port)
  await world.sockets.settled()
  t.equal(heard.all.length, 5)
  world.clock.advance(1000)
  await world.sockets.settled()
  t.equal(heard.all.length, 6)
})

t.test('a packet in one batch with the last ACK is ignored', async (t) => {
  const world = await begin({ content: pattern(10), blksize: 8 })
  let handler: Parameters<typeof world.port.receive>[0] = () => undefined
  const { port, clock, counters, log } = world
  const deaf = { ...port, receive: (given: typeof handler) => (handler = given) }
  const agreement = negotiate(new Map([['blksize', '8']]), 10)
  const file = slowFile(pattern(10))
  const { ended } = startTransfer({
    port: deaf,
    client,
    file,
    mode: 'octet',
    agreement,
    clock,
    counters,
    log,
  })
  handler([
    { payload: hex('00 05 00 08 00'), ...client },
    { payload: hex('00 05 00 03 00'), ...client },
  ])
  t.same(await ended, { kind: 'probe' })
})

t.test('an OACK without a response ends the transfer', async (t) => {
  const world = await begin({ content: pattern(10), blksize: 8 })
  const outcome = await finish(world, world.start().ended)
  t.same(outcome, { kind: 'failed', code: 'tftp.client-timeout', reason: 'the client never responded' })
})

t.test('a client that stops responding during a transfer is logged with the last block', async (t) => {
  const world = await begin({ content: pattern(2000) })
  const heard = inbox(world.clientPort)
  const transfer = world.start()
  const first = await heard.next()
  world.clientPort.send(hex('00 04 00 01'), first.address, first.port)
  await heard.next()
  t.equal(transfer.isUnresponsive(), false)
  world.clock.advance(1000)
  t.equal(transfer.isUnresponsive(), true)
  t.same(await finish(world, transfer.ended), {
    kind: 'failed',
    code: 'tftp.client-timeout',
    reason: 'the client stopped responding after block 1',
  })
})

t.test('an unreachable network is named', async (t) => {
  const world = await begin({ content: pattern(10), blksize: 8 })
  const port = { ...world.port }
  port.send = (_payload, _address, _port, failed) => failed?.(new Error('send ENETUNREACH'))
  const agreement = negotiate(new Map([['blksize', '8']]), 10)
  const file = slowFile(pattern(10))
  const { clock, counters, log } = world
  const { ended } = startTransfer({ port, client, file, mode: 'octet', agreement, clock, counters, log })
  t.same(await finish(world, ended), {
    kind: 'failed',
    code: 'tftp.client-timeout',
    reason: 'the client never responded (send ENETUNREACH)',
  })
})

t.test(
  'another sender on the port gets ERROR 5 and does not disturb the transfer (RFC 1350 §4)',
  async (t) => {
    const world = await begin({ content: pattern(1500) })
    const { ended } = world.start()
    const stranger = await world.sockets.bindUdp({ address: '192.0.2.66', port: client.port })
    const otherPort = await world.sockets.bindUdp({ address: client.address, port: 0 })
    const answers = [inbox(stranger), inbox(otherPort)]
    for (const from of [stranger, otherPort]) {
      from.send(hex('00 04 00 01'), server, world.port.local.port)
      from.send(hex('00 05 00 00 00'), server, world.port.local.port)
    }
    const heard = listenForFile(world.clientPort)
    world.clock.advance(1000) // the first block was sent before the client listened
    t.same(await finish(world, ended), { kind: 'finished' })
    t.same(Uint8Array.from(heard.received), pattern(1500))
    for (const { all } of answers) {
      t.same(
        all.map(({ payload }) => Buffer.from(payload).toString('latin1')),
        Array(2).fill('\0\x05\0\x05unknown transfer identifier\0'),
      )
    }
    t.equal(world.counters.get('tftp.unknownTransferIds'), 4)
  },
)

t.test('an unexpected packet on the port is counted and changes nothing', async (t) => {
  const world = await begin({ content: pattern(10) })
  const { ended } = world.start()
  const send = (octets: string) => world.clientPort.send(hex(octets), server, world.port.local.port)
  send('00 03 00 01') // DATA
  send('00 06') // OACK
  send('00 01 61 00 62 00') // RRQ
  send('00') // malformed
  send('00 09') // malformed
  await world.sockets.settled()
  t.same(world.counters.snapshot(), { 'tftp.malformed': 2, 'tftp.unexpected': 3 })
  send('00 04 00 01')
  t.same(await finish(world, ended), { kind: 'finished' })
  await world.sockets.settled()
})

const endings = [
  {
    name: 'an ERROR instead of ACK 0 is a probe',
    blksize: 8,
    octets: '00 05 00 08 62 79 65 00',
    outcome: { kind: 'probe' },
  },
  {
    name: 'an ERROR later ends the transfer (RFC 1350 §7)',
    blksize: undefined,
    octets: '00 05 00 03 66 75 6c 6c 00',
    outcome: { kind: 'failed', code: 'tftp.client-error', reason: 'the client sent error 3: full' },
  },
]

for (const { name, blksize, octets, outcome } of endings) {
  t.test(name, async (t) => {
    const world = await begin({ content: pattern(100), ...(blksize !== undefined && { blksize }) })
    const { ended, stop, abandon } = world.start()
    await world.sockets.settled()
    world.clientPort.send(hex(octets), server, world.port.local.port)
    // A packet in the same batch finds the transfer ended.
    world.clientPort.send(hex('00 04 00 00'), server, world.port.local.port)
    t.same(await ended, outcome)
    stop('too late')
    abandon('restarted')
    t.equal(world.clock.pending(), 0)
    t.equal(world.sockets.flights.filter(({ from }) => from.address === server).length, 1)
  })
}

t.test('a read error during a transfer ends it with an ERROR', async (t) => {
  for (const { error, message } of [
    { error: new CannotRead('changed', 0), message: '0 changed' },
    { error: new CannotRead('forbidden', 2), message: '2 forbidden' },
    { error: new Error('a bug'), message: '0 a bug' },
  ]) {
    const content = pattern(600)
    const chunk = (index: number) => (index === 0 ? content.subarray(0, 550) : Promise.reject(error))
    const file: ServedFile = { octets: 600, chunkCount: 2, chunk, close: () => undefined }
    const world = await begin({ content, file })
    const heard = listenForFile(world.clientPort)
    t.same(await finish(world, world.start().ended), {
      kind: 'failed',
      code: 'tftp.file-unreadable',
      reason: error.message,
    })
    t.same(heard.errors, [message])
    t.equal(heard.received.length, 512)
  }
})

t.test('a slow disk is not a timeout of the client', async (t) => {
  const pending = Promise.withResolvers<Uint8Array>()
  const file = { octets: 3, chunkCount: 1, chunk: () => pending.promise, close: () => undefined }
  const world = await begin({ content: pattern(3), file })
  const heard = listenForFile(world.clientPort)
  const { ended } = world.start()
  for (let second = 0; second < 60; second++) world.clock.advance(1000)
  t.equal(world.sockets.flights.length, 0)
  pending.resolve(pattern(3))
  t.same(await finish(world, ended), { kind: 'finished' })
  t.same(Uint8Array.from(heard.received), pattern(3))
})

t.test('stopping sends an ERROR, abandoning does not', async (t) => {
  const world = await begin({ content: pattern(10) })
  const heard = listenForFile(world.clientPort)
  const transfer = world.start()
  transfer.stop('the server is stopping')
  t.same(await transfer.ended, {
    kind: 'failed',
    code: 'tftp.transfer-stopped',
    reason: 'the server is stopping',
  })
  await world.sockets.settled()
  t.same(heard.errors, ['0 the server is stopping'])

  const other = await begin({ content: pattern(10), blksize: 8 })
  const silent = listenForFile(other.clientPort)
  const abandoned = other.start()
  abandoned.abandon('restarted')
  t.same(await abandoned.ended, {
    kind: 'failed',
    code: 'tftp.client-restarted',
    reason: 'the client sent a new request',
  })
  await other.sockets.settled()
  t.same(silent.errors, [])
})
