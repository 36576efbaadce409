import t, { type Test } from 'tap'
import { createEventLoop } from '../../../src/host/lane/event-loop.ts'
import { controlIndex, stopMessage } from '../../../src/host/lane/mailbox.ts'
import { createOutbox } from '../../../src/host/lane/outbox.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { libcOf } from './lane-sockets.ts'

/** A loop without ports: `inputs` has the number of datagrams of each wait. */
async function setUp(_t: Test, inputs: number[] = []) {
  const libc = await libcOf()
  const control = new SharedArrayBuffer(12)
  const numbers = new Int32Array(control)
  const clock = fakeClock()
  const outbox = createOutbox<string>(false, numbers.subarray(controlIndex.unread), 2)
  const inbox: unknown[] = []
  const waits: number[] = []
  const received: unknown[] = []
  const reports: unknown[] = []
  const state = { isBusy: false, isOpening: false, turns: 0 }
  const loop = createEventLoop({
    libc: { ...libc, read: () => 8 },
    setup: { sockets: [], wakeFd: -1, control, isDebug: false },
    ...{ outbox, clock, recording: { recorder: undefined } },
    ports: {
      wait(ms) {
        waits.push(ms)
        return inputs.shift() ?? 0
      },
    },
    nextMessage: () => (inbox.length === 0 ? undefined : { message: inbox.shift() }),
    receive: (message) => void received.push(message),
    send: (report) => void reports.push(report),
    isBusy: () => state.isBusy,
    isOpening: () => state.isOpening,
    turn() {
      state.turns++
      return Promise.resolve()
    },
  })
  const post = (message: unknown) => {
    inbox.push(message)
    Atomics.add(numbers, controlIndex.sent, 1)
  }
  return { loop, waits, received, reports, state, clock, outbox, post, numbers }
}

t.test('a round waits as long as nothing can happen', async (t) => {
  const { loop, waits, state, post, received, outbox, clock } = await setUp(t)
  await loop.round()
  state.isBusy = true
  await loop.round()
  state.isBusy = false
  outbox.counters.increment('a')
  await loop.round()
  await loop.round()
  post('plan')
  await loop.round()
  clock.advance(50)
  await loop.round()
  await loop.round()
  t.same(waits, [1000, 2, 50, 50, 0, 50, 1000])
  t.same(received, ['plan'])
})

t.test('a round does not wait at first while files are opened', async (t) => {
  const { loop, waits, state } = await setUp(t, [...Array.from({ length: 30 }, () => 0), 1])
  state.isOpening = true
  for (let round = 0; round < 22; round++) await loop.round()
  t.same(waits, [...Array.from({ length: 20 }, () => 0), 50, 50])
  for (let round = 0; round < 10; round++) await loop.round()
  t.same(waits.slice(-3), [50, 50, 0], 'after input again')
})

t.test('the event loop has turns under load', async (t) => {
  const { loop, state, clock } = await setUp(t, [1, 1, 1, 1, 0])
  await loop.round()
  await loop.round()
  t.equal(state.turns, 0)
  clock.advance(1)
  await loop.round()
  await loop.round()
  t.equal(state.turns, 1)
  await loop.round()
  t.equal(state.turns, 2, 'and before a wait')
})

t.test('datagrams wait while the main thread is behind', async (t) => {
  const { loop, waits, outbox, reports, numbers } = await setUp(t)
  for (const message of ['a', 'b']) outbox.add(message)
  await loop.round()
  t.same(waits, [])
  t.match(reports, [{ messages: ['a', 'b'] }])
  Atomics.store(numbers, controlIndex.unread, 0)
  await loop.round()
  t.same(waits, [1000])
  t.equal(numbers[controlIndex.rounds], 2)
})

t.test('a message ends the loop, after its last report', async (t) => {
  const { loop, post, reports, outbox } = await setUp(t)
  t.equal(await loop.round(), true)
  outbox.counters.increment('a')
  post(stopMessage)
  t.equal(await loop.round(), false)
  t.match(reports, [{ counts: { counts: [['a', 1]] } }])
})
