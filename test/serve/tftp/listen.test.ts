/** The same transfers on real sockets through the lane, and through the main thread. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createSockets } from '../../../src/host/sockets.ts'
import type { Sockets } from '../../../src/host/udp.ts'
import type { Seen } from '../../../src/install/observation.ts'
import type { TftpPlan } from '../../../src/plan/tftp.ts'
import { startTftp } from '../../../src/serve/tftp/service.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { silentLog } from '../../support/silent-log.ts'
import { fetchLockstep } from '../../support/tftp-lockstep.ts'
import { until } from '../../support/until.ts'

const content = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, at) => (at * 31) ^ (at >> 9)))
const request = '\0\x01image.bin\0octet\0blksize\x001000\0'

const withoutLanes = (): Sockets => ({
  ...createSockets({}),
  lane: () => Promise.resolve({ reason: 'of a test' }),
})

async function setUp(t: Test, sockets = createSockets({}), changes: Partial<TftpPlan> = {}) {
  const clock = fakeClock()
  const counters = new Counters()
  const seen: Seen[] = []
  const plan: TftpPlan = {
    address: '127.0.0.1',
    port: 0,
    transfers: { kind: 'any' },
    files: new Map(),
    missing: new Map(),
    root: t.testdir({ 'image.bin': content }),
    networks: [],
    mtus: [],
    nodeByAddress: new Map([['127.0.0.1', 'ocp45/m1']]),
    ...changes,
  }
  const state = { plan }
  const service = await startTftp({
    plan: () => state.plan,
    ...{ sockets, counters, clock },
    log: silentLog(),
    observe: (each) => void seen.push(each),
    nodeFiles: {
      find: (name) =>
        name.endsWith('.grub')
          ? Promise.resolve({ kind: 'text', text: `# ${name}` })
          : name.startsWith('images/')
            ? Promise.reject(new Error('the store is closed'))
            : Promise.resolve(undefined),
    },
    onLost(error) {
      throw error
    },
  })
  let isClosed = false
  const close = async (graceMs = 0) => {
    isClosed = true
    const closed = service.close(graceMs)
    clock.advance(graceMs)
    await closed
  }
  t.teardown(() => (isClosed ? undefined : close()))
  await service.apply()
  const port = Number(/\d+$/.exec(service.listening[0]!))
  const fetch = async () => (await fetchLockstep(port, request, 1000)).equals(content)
  /** Lets the lane start, which the first request causes. Time must not pass during a transfer. */
  const startLane = async () => {
    await until(() => counters.get('tftp.finished') > 0)
    clock.advance(0)
    await until(() => service.lane.isAnswering())
  }
  return { service, state, counters, seen, clock, port, fetch, startLane, close }
}

t.test('the lane starts after the first request, and serves the next ones', async (t) => {
  const { service, fetch, startLane, counters, seen, clock, close } = await setUp(t)
  clock.advance(10_000)
  t.equal(clock.pending(), 0, 'without a request, no lane is about to start')
  t.equal(await fetch(), true)
  t.equal(service.lane.isAnswering(), false)
  await startLane()
  t.equal(await fetch(), true)
  await until(() => seen.length === 2)
  service.drain()
  t.match(seen, [
    { node: 'ocp45/m1', outcome: 'sent', octets: 100_000 },
    { node: 'ocp45/m1', outcome: 'sent', octets: 100_000 },
  ])
  await until(() => counters.get('tftp.finished') === 2)
  t.same([service.lane.warnings(), service.lane.problems()], [[], []])
  await close(1000)
  t.equal(service.lane.isAnswering(), true, 'it ended last')
})

t.test('requests wait for the lane, but not for long', async (t) => {
  const { service, fetch, counters, clock } = await setUp(t)
  t.equal(await fetch(), true)
  await until(() => counters.get('tftp.finished') > 0)
  const second = fetch()
  await pause(20)
  t.equal(counters.get('tftp.requests'), 1)
  // The clock stands still, so the lane does not start before this one, which may arrive late on a busy machine.
  await until(() => {
    clock.advance(counters.get('tftp.requests') > 1 ? 0 : 500)
    return counters.get('tftp.requests') > 1
  })
  t.equal(await second, true)
  await until(() => service.lane.isAnswering())
  clock.advance(500)
  t.equal(await fetch(), true)
})

t.test('the lane uses a new plan after a reload', async (t) => {
  const { service, state, fetch, startLane, port } = await setUp(t)
  await fetch()
  await startLane()
  state.plan = { ...state.plan, root: undefined }
  await service.apply()
  const client = createSocket('udp4')
  t.teardown(() => client.close())
  client.bind(0, '127.0.0.1')
  await once(client, 'listening')
  client.send(request, port, '127.0.0.1')
  const [answer] = (await once(client, 'message')) as [Buffer]
  t.same([...answer.subarray(0, 4)], [0, 5, 0, 1])
})

t.test('the main thread serves while a lane that ended is started again', async (t) => {
  const { service, counters, fetch, startLane, clock } = await setUp(t)
  await fetch()
  await startLane()
  t.equal(await fetch(), true)
  // The thread completes no round in the time of this clock, so it is ended.
  clock.advance(10_000)
  await until(() => !service.lane.isAnswering())
  t.equal(counters.get('tftp.laneStopped'), 1)
  t.match(service.lane.problems(), [{ code: 'server.lane-stopped' }])
  t.equal(await fetch(), true)
  clock.advance(100)
  await until(() => service.lane.isAnswering())
  t.equal(await fetch(), true)
})

t.test('a transfer in the lane gets its time when the service closes', async (t) => {
  const { fetch, startLane, close, port } = await setUp(t)
  await fetch()
  await startLane()
  const client = createSocket('udp4')
  t.teardown(() => client.close())
  client.bind(0, '127.0.0.1')
  await once(client, 'listening')
  client.send(request, port, '127.0.0.1')
  await once(client, 'message')
  const last = once(client, 'message') as Promise<[Buffer]>
  await close(50)
  t.match((await last)[0].toString(), 'the server is stopping')
})

for (const { name, sockets, changes } of [
  { name: 'lanes are not available', sockets: withoutLanes(), changes: {} },
  {
    name: 'transfers use the request port',
    sockets: createSockets({}),
    changes: { transfers: { kind: 'single' } as const },
  },
]) {
  t.test(`the main thread serves where ${name}`, async (t) => {
    const { service, fetch, seen } = await setUp(t, sockets, changes)
    t.equal(await fetch(), true)
    await until(() => seen.length === 1)
    service.drain()
    t.equal(service.lane.isAnswering(), false)
    const isMissing = changes.transfers === undefined
    t.match(service.lane.warnings(), isMissing ? [{ code: 'server.lane-unavailable', about: 'tftp' }] : [])
  })
}

t.test('the lane sends files that the main thread creates for a node', async (t) => {
  const { fetch, startLane, port } = await setUp(t)
  await fetch()
  await startLane()
  const name = 'boot/ocp45/m1/boot.grub'
  const script = await fetchLockstep(port, `\0\x01${name}\0octet\0blksize\x001000\0`, 1000)
  t.equal(script.toString(), `# ${name}`)
  const client = createSocket('udp4')
  t.teardown(() => client.close())
  client.bind(0, '127.0.0.1')
  await once(client, 'listening')
  client.send('\0\x01images/rhcos/kernel\0octet\0', port, '127.0.0.1')
  const [answer] = (await once(client, 'message')) as [Buffer]
  t.match(answer.toString(), 'the server cannot start a transfer')
})
