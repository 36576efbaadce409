import t, { type Test } from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { startLane } from '../../../src/host/lane/lane.ts'
import type { Libc } from '../../../src/host/lane/libc.ts'
import type { LaneSocket } from '../../../src/host/lane/socket.ts'
import { createSockets } from '../../../src/host/sockets.ts'
import type { LaneSockets } from '../../../src/host/udp.ts'
import { systemClock } from '../../../src/host/clock.ts'
import { createCapture } from '../../../src/host/capture/tap.ts'
import type { CapturedFrame } from '../../../src/host/capture/recorder.ts'
import { createLog } from '../../../src/host/log.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { until } from '../../support/until.ts'
import { clientOf, laneSocketOf, libcOf } from './lane-sockets.ts'

async function setUp(t: Test, calls: Partial<Libc> = {}, greeting: readonly unknown[] = ['hello']) {
  const capture = createCapture(systemClock)
  const opened = await laneSocketOf(t)
  const network = capture.tap({
    ...createSockets({}),
    lane: async () => ({ libc: await libcOf(), sockets: [opened] }),
  })
  const { sockets } = (await network.lane?.('echo', { address: '', port: 0 })) as LaneSockets
  const socket = sockets[0] as LaneSocket
  const clock = fakeClock()
  const counters = new Counters()
  const lines: Record<string, unknown>[] = []
  const messages: string[] = []
  const lost: Error[] = []
  let ends = 0
  const lane = startLane<string>({
    name: 'echo',
    program: { url: import.meta.url, name: './echo-worker' },
    libc: { ...(await libcOf()), ...calls },
    sockets: [socket],
    data: { label: 'new' },
    greet: () => greeting,
    receive: (message) => void messages.push(message),
    ended: () => {
      ends++
    },
    onLost: (error) => void lost.push(error),
    ...{ clock, counters },
    log: createLog('info', {
      write: (text) => void lines.push(JSON.parse(text) as Record<string, unknown>),
    }),
  })
  let isStopped = false
  const stop = async () => {
    isStopped = true
    await lane.stop()
  }
  t.teardown(() => (isStopped ? undefined : stop()))
  const client = await clientOf(t)
  const ask = async (text: string) => {
    await client.send(Buffer.from(text), socket)
    return Buffer.from(await client.next()).toString()
  }
  const send = (text: string) => client.send(Buffer.from(text), socket)
  const greet = (next: readonly unknown[]) => (greeting = next)
  return {
    lane,
    capture,
    clock,
    counters,
    lines,
    messages,
    lost,
    stop,
    ask,
    send,
    greet,
    socket,
    ends: () => ends,
  }
}

t.test('a lane answers in its thread, and reports to the main thread', async (t) => {
  const { lane, ask, counters, lines, messages, stop } = await setUp(t)
  t.equal(await ask('a'), 'hello: a')
  lane.send('changed')
  t.equal(await ask('b'), 'changed: b')
  await ask('log')
  await stop()
  t.ok(counters.get('echo.answers') >= 3, 'a report comes before the end')
  t.match(lines, [{ level: 'warn', label: 'changed', msg: 'asked to log' }])
  t.equal(messages[0], 'a')
  t.equal(lane.problem(), undefined)
})

t.test('a thread that ends is started again with the latest messages', async (t) => {
  const { lane, ask, send, clock, counters, lines, ends, greet, stop } = await setUp(t)
  await ask('a')
  greet(['second'])
  await send('fail')
  await until(() => ends() === 1)
  t.match(lane.problem(), {
    code: 'server.lane-stopped',
    text: 'the lane of echo stopped 0 ms ago and does not run: asked to fail',
  })
  t.match(lines, [{ level: 'error', code: 'server.lane-stopped', reason: 'asked to fail', delayMs: 100 }])
  lane.send('lost')
  clock.advance(100)
  t.equal(await ask('b'), 'second: b')
  t.match(lane.problem()?.text, /was started again/)
  t.equal(counters.get('echo.laneStopped'), 1)

  await send('fail')
  await until(() => ends() === 2)
  t.match(lines[1], { delayMs: 200 }, 'a thread that fails soon waits longer')
  clock.advance(200)
  await ask('c')
  // No round in the time of the test's clock, so the thread is ended.
  clock.advance(60_000)
  await until(() => ends() === 3)
  t.match(lines.at(-1), { delayMs: 100 }, 'one that ran for a minute does not')
  clock.advance(600_000)
  t.equal(lane.problem(), undefined, 'a problem of the past ends')
  await stop()
})

t.test('a lane that does not run can be stopped', async (t) => {
  const { send, ask, ends, clock, stop } = await setUp(t)
  await ask('a')
  await send('fail')
  await until(() => ends() === 1)
  await stop()
  t.equal(clock.pending(), 0)
})

t.test('an exit of the process ends the wait of the thread', async (t) => {
  const libc = await libcOf()
  let writes = 0
  const before = process.listeners('exit')
  const { ask, stop } = await setUp(t, {
    write(...written) {
      writes++
      return libc.write(...written)
    },
  })
  await ask('a')
  const added = process.listeners('exit').filter((each) => !before.includes(each))
  t.equal(added.length, 1)
  t.equal(writes, 1, 'the first message')
  added[0]?.(0)
  t.equal(writes, 2)
  await stop()
  t.same(process.listeners('exit'), before)
})

t.test('a thread that hangs is ended', async (t) => {
  const { ask, send, clock, ends, lines, messages } = await setUp(t)
  await ask('a')
  await until(() => messages.length === 1)
  clock.advance(5000)
  await ask('b')
  await send('hang')
  await new Promise((resolve) => setTimeout(resolve, 1000))
  clock.advance(5000)
  clock.advance(5000)
  await until(() => ends() === 1)
  t.match(lines[0], { msg: 'lane does not respond, ending it', code: 'server.lane-stopped' })
  clock.advance(100)
  t.equal(await ask('c'), 'hello: c')
})

t.test(
  'a new thread has a minute for its first round, because a busy machine starts it slowly',
  async (t) => {
    const { ask, clock, ends, greet, lines } = await setUp(t, {}, ['busy'])
    greet(['hello'])
    for (let passedMs = 0; passedMs < 55_000; passedMs += 5000) clock.advance(5000)
    t.equal(ends(), 0)
    t.same(lines, [])
    clock.advance(5000)
    await until(() => ends() === 1)
    t.match(lines[0], { msg: 'lane does not respond, ending it', limitMs: 60_000 })
    clock.advance(100)
    t.equal(await ask('b'), 'hello: b')
  },
)

t.test('a thread that cannot get a message is ended, because it would answer from an old plan', async (t) => {
  const { lane, ask, clock, ends, lines } = await setUp(t)
  await ask('a')
  lane.send(() => 'a function')
  await until(() => ends() === 1)
  t.match(lines[0], {
    msg: 'message not sent to the lane, ending it',
    err: { message: /could not be cloned/ },
  })
  clock.advance(100)
  t.equal(await ask('b'), 'hello: b')
})

t.test('a socket that fails is lost', async (t) => {
  const { socket, lost, ask } = await setUp(t)
  await ask('a')
  socket.close()
  await until(() => lost.length === 1)
  t.match(lost, [{ syscall: 'recvmmsg', code: 'EBADF' }])
})

t.test('a packet capture sees the datagrams of the thread, also of one that starts later', async (t) => {
  const { capture, ask, send, ends, clock, stop } = await setUp(t)
  const frames: CapturedFrame[] = []
  const filter = {
    macs: ['00:50:56:96:7a:21' as Mac],
    addresses: ['127.0.0.1'],
    server: { address: '127.0.0.1' },
  }
  await ask('a')
  const end = capture.start(filter, (captured) => frames.push(captured))
  await ask('b')
  await until(() => frames.length >= 2)
  const texts = () => frames.map(({ frame }) => Buffer.from(frame.subarray(42)).toString())
  t.same(texts(), ['b', 'hello: b'])
  await send('fail')
  await until(() => ends() === 1)
  clock.advance(100)
  await ask('c')
  await until(() => texts().includes('hello: c'))
  end?.()
  const { length } = frames
  await ask('d')
  await stop()
  t.equal(frames.length, length)
})
