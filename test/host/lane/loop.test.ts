import t, { type Test } from 'tap'
import type { Recorder } from '../../../src/host/capture/recorder.ts'
import type { Recording } from '../../../src/host/capture/recording.ts'
import { createLaneLoop, type LaneProgram } from '../../../src/host/lane/loop.ts'
import { controlIndex, stopMessage } from '../../../src/host/lane/mailbox.ts'
import { linux } from '../../../src/host/lane/libc.ts'
import { createOutbox } from '../../../src/host/lane/outbox.ts'
import { createSending } from '../../../src/host/send-guard.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { clientOf, laneSocketOf, libcOf } from './lane-sockets.ts'

/** A loop in this thread: its program returns what it gets, and counts the rest. */
async function setUp(t: Test, overrides: Partial<LaneProgram> = {}) {
  const libc = await libcOf()
  const sockets = [await laneSocketOf(t), await laneSocketOf(t)]
  const clock = fakeClock()
  const control = new SharedArrayBuffer(12)
  const numbers = new Int32Array(control)
  const wakeFd = libc.eventfd(0, linux.EFD_NONBLOCK | linux.EFD_CLOEXEC)
  t.teardown(() => libc.close(wakeFd))
  const outbox = createOutbox<string>(false, numbers.subarray(controlIndex.unread), 2000)
  const inbox: unknown[] = []
  const received: unknown[] = []
  const reports: unknown[] = []
  const asked: string[] = []
  const waits: number[] = []
  const recording: Recording = { recorder: undefined }
  const program: LaneProgram = {
    isReady: () => true,
    answer(query, reply, { address, port, socket }) {
      asked.push(`${address}:${port} ${socket}`)
      reply.set(query)
      return query[0] === 0 ? 0 : query.length
    },
    tooLong: () => void asked.push('too long'),
    receive: (message) => void received.push(message),
    step: () => false,
    ...overrides,
  }
  const unresolved = new Set<string>()
  const neighbors = {
    stateOf: (address: string) =>
      unresolved.has(address) ? ('unresolved' as const) : ('reachable' as const),
  }
  const sending = createSending({ clock, counters: outbox.counters, log: outbox.log, neighbors })
  const loop = createLaneLoop({
    libc: {
      ...libc,
      poll: (_entries, _count, ms) => {
        waits.push(ms)
        return 0
      },
    },
    setup: {
      sockets: sockets.map((each, replies) => ({ ...each, replies })),
      wakeFd,
      control,
      isDebug: false,
    },
    ...{ program, outbox, sending, clock, recording },
    nextMessage: () => (inbox.length === 0 ? undefined : { message: inbox.shift() }),
    report: (report) => void reports.push(report),
  })
  const send = (message: unknown) => {
    inbox.push(message)
    Atomics.add(numbers, controlIndex.sent, 1)
  }
  return {
    loop,
    recording,
    sockets,
    clock,
    numbers,
    outbox,
    send,
    received,
    reports,
    asked,
    waits,
    unresolved,
  }
}

t.test('datagrams of all sockets are answered on their socket', async (t) => {
  const { loop, sockets, asked, waits, numbers } = await setUp(t)
  const client = await clientOf(t)
  await client.send(Uint8Array.of(1), sockets[0]!)
  await client.send(Uint8Array.of(2, 3), sockets[1]!)
  await client.send(Uint8Array.of(0), sockets[1]!)
  await client.send(new Uint8Array(5000), sockets[1]!)
  t.equal(loop.round(), true)
  t.same([...(await client.next())], [1])
  t.same([...(await client.next())], [2, 3])
  const from = `127.0.0.1:${client.port}`
  t.same(asked, [`${from} 0`, `${from} 1`, `${from} 1`, 'too long'])
  t.same(waits, [], 'a round with work does not wait')
  loop.round()
  t.same(waits, [50])
  t.equal(numbers[controlIndex.rounds], 2)
})

t.test('a program that is not ready leaves datagrams in the socket', async (t) => {
  let isReady = false
  const { loop, sockets, asked, waits } = await setUp(t, {
    isReady: () => isReady,
    step: () => {
      const wasReady = isReady
      isReady = true
      return !wasReady
    },
  })
  const client = await clientOf(t)
  await client.send(Uint8Array.of(1), sockets[0]!)
  loop.round()
  t.same([asked, waits], [[], []], 'other work continues at once')
  loop.round()
  t.equal(asked.length, 1)
})

t.test('messages are received between rounds, and the last one ends the loop', async (t) => {
  const { loop, send, received, waits } = await setUp(t)
  send('first')
  send('second')
  t.equal(loop.round(), true)
  t.same(received, ['first', 'second'])
  send(stopMessage)
  t.equal(loop.round(), false)
  t.equal(waits.length, 1, 'it does not wait at the end')
})

t.test('messages are sent at once, and counts after a while', async (t) => {
  const { loop, clock, outbox, reports, waits } = await setUp(t)
  outbox.counters.increment('dns.queries')
  loop.round()
  t.same([reports, waits], [[], [50]])
  clock.advance(50)
  loop.round()
  t.equal(reports.length, 1)
  outbox.add('hello')
  loop.round()
  t.match(reports[1], { messages: ['hello'] })
  clock.advance(50)
  loop.round()
  t.equal(reports.length, 2, 'nothing is not sent')
  t.equal(waits.at(-1), 1000)
})

t.test('a program can choose the destination, and learns of answers that cannot be sent', async (t) => {
  const other = await clientOf(t)
  let port = other.port
  const unsent: unknown[] = []
  const { loop, sockets } = await setUp(t, {
    answer(query, reply, peer) {
      peer.to = { address: '127.0.0.1', port }
      reply.set(query)
      return query.length
    },
    unsent: (slot, error) => void unsent.push({ slot, error }),
  })
  const client = await clientOf(t)
  await client.send(Uint8Array.of(4), sockets[0]!)
  loop.round()
  t.same([...(await other.next())], [4])
  port = 0
  await client.send(Uint8Array.of(5), sockets[0]!)
  loop.round()
  t.match(unsent, [{ slot: 0, error: { code: 'EINVAL', syscall: 'sendmmsg' } }])
})

t.test('a program that is not ready waits only for messages', async (t) => {
  const { loop, waits } = await setUp(t, { isReady: () => false })
  loop.round()
  t.same(waits, [1])
})

t.test('a reply to an address that the kernel cannot resolve is dropped after a few', async (t) => {
  const { loop, sockets, outbox, unresolved } = await setUp(t)
  const client = await clientOf(t)
  unresolved.add('127.0.0.1')
  for (let index = 0; index < 12; index++) {
    await client.send(Uint8Array.of(1), sockets[0]!)
    loop.round()
  }
  t.equal(outbox.counters.get('udp.dropped'), 4)
})

t.test('rounds with messages gather datagrams while many arrive', async (t) => {
  const { loop, sockets, outbox, waits, clock, asked } = await setUp(t)
  const client = await clientOf(t)
  const round = async (datagrams = 1, hasMessage = true) => {
    waits.length = 0
    if (hasMessage) outbox.add('message')
    for (let index = 0; index < datagrams; index++) await client.send(Uint8Array.of(1), sockets[0]!)
    loop.round()
    return [...waits]
  }
  for (let index = 0; index < 40; index++) {
    t.same(await round(), [], 'one client is answered at once')
    clock.advance(1)
  }
  t.same(await round(17), [])
  t.same(await round(40), [1], 'after many at once')
  t.same(await round(1), [], 'a batch that was almost full needs no wait')
  t.same(await round(1), [1])
  clock.advance(31)
  t.same(await round(1), [1], 'the flood ended, but the last batch belonged to it')
  clock.advance(31)
  t.same(await round(1), [1], 'slowly')
  t.same(await round(1), [], 'a flood is forgotten')
  t.same(await round(20, false), [])
  t.same(await round(1, false), [], 'without messages there is nothing to gather for')
  t.equal(asked.length, 40 + 17 + 40 + 1 + 1 + 1 + 1 + 1 + 20 + 1)
})

t.test('the first answers of a batch do not wait for the last ones if these take long', async (t) => {
  const { loop, sockets, outbox, clock, reports } = await setUp(t, {
    answer(query, reply) {
      outbox.add('answered')
      clock.advance(0.25)
      reply.set(query)
      return query.length
    },
  })
  const client = await clientOf(t)
  for (let index = 0; index < 20; index++) await client.send(Uint8Array.of(index), sockets[0]!)
  loop.round()
  t.same(
    reports.map((report) => (report as { messages: unknown[] }).messages.length),
    [8, 8, 4],
    'each part is reported before it is sent',
  )
  for (let index = 0; index < 20; index++) t.same([...(await client.next())], [index])
})

t.test('messages that the program has gathered are reported when they are due, and at the end', async (t) => {
  const calls: boolean[] = []
  let hasWaiting = true
  const { loop, outbox, reports, send, waits, sockets } = await setUp(t, {
    reportDue(isEnd) {
      calls.push(isEnd)
      if (isEnd || !hasWaiting) outbox.add('gathered')
      return hasWaiting
    },
  })
  loop.round()
  t.same([calls, waits, reports], [[false], [50], []], 'the lane looks again soon')
  const client = await clientOf(t)
  for (let index = 0; index < 20; index++) await client.send(Uint8Array.of(1), sockets[0]!)
  loop.round()
  waits.length = 0
  loop.round()
  t.equal(waits[0], 1, 'rounds without messages gather datagrams too')
  hasWaiting = false
  loop.round()
  t.match(reports, [{ messages: ['gathered'] }])
  hasWaiting = true
  send(stopMessage)
  t.equal(loop.round(), false)
  t.match(reports[1], { messages: ['gathered'] })
  t.equal(calls.at(-1), true)
})

t.test('a packet capture sees what is received and sent, and not what is refused', async (t) => {
  const { loop, recording, sockets, unresolved } = await setUp(t)
  const seen: string[] = []
  const see =
    (kind: string): Recorder['sent'] =>
    (payload, peer, local) =>
      seen.push(`${kind} ${payload.join(',')} ${peer.address} ${local.port}`)
  recording.recorder = { received: see('received'), sent: see('sent') }
  const client = await clientOf(t)
  await client.send(Uint8Array.of(1), sockets[1]!)
  await client.send(Uint8Array.of(0), sockets[1]!)
  await client.send(new Uint8Array(5000), sockets[1]!)
  loop.round()
  const { port } = sockets[1]!.local
  t.same(seen.splice(0), [
    `received 1 127.0.0.1 ${port}`,
    `sent 1 127.0.0.1 ${port}`,
    `received 0 127.0.0.1 ${port}`,
  ])
  unresolved.add('127.0.0.1')
  for (let sent = 0; sent < 10; sent++) {
    await client.send(Uint8Array.of(7), sockets[0]!)
    loop.round()
  }
  t.equal(seen.filter((line) => line.startsWith('received')).length, 10)
  t.ok(seen.filter((line) => line.startsWith('sent')).length < 10, 'the guard refused some')
  recording.recorder = undefined
  await client.send(Uint8Array.of(1), sockets[1]!)
  seen.length = 0
  loop.round()
  t.same(seen, [])
})
