import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import type { HookPlan } from '../../../src/plan/hooks.ts'
import type { HookEvent, Snapshot } from '../../../src/serve/hooks/events.ts'
import { createHooks, snapshotEveryMs } from '../../../src/serve/hooks/service.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memoryInstalls } from '../../support/memory-installs.ts'
import { until } from '../../support/until.ts'
import { hookFiles, webhookReceiver } from '../../support/webhook-receiver.ts'

const node = 'ocp45/w1'
const installed = {
  node,
  kind: 'state',
  from: 'installing',
  to: 'installed',
  reason: 'it is written',
} as const
const empty: Snapshot = {
  problems: [],
  symptoms: new Map(),
  machines: new Map(),
  pending: new Map(),
  bootstraps: new Map(),
}

/** A hook that appends each event to a file. */
function fileHook(t: Test, events: HookPlan['events'], name = 'file') {
  const file = join(t.testdir(), name)
  const target = { kind: 'command', program: '/bin/sh', args: ['-c', `cat >>${file}`] } as const
  const read = () =>
    existsSync(file)
      ? readFileSync(file, 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as HookEvent)
      : []
  return { hook: { name, events, timeoutMs: 10_000, target } satisfies HookPlan, read }
}

function startHooks(t: Test, hooks: readonly HookPlan[]) {
  const active = { hooks, site: 'lab', server: '192.0.2.2' }
  const clock = fakeClock(Date.UTC(2026, 10, 21, 11))
  const installs = memoryInstalls([node], () => clock.now())
  const lines: string[] = []
  const state = { snapshot: empty, lastChange: 'reload: 1 node added', failure: '' }
  const counters = new Counters()
  const service = createHooks({
    ...{ installs, clock, counters, active: () => active },
    snapshot: () =>
      state.failure === '' ? Promise.resolve(state.snapshot) : Promise.reject(new Error(state.failure)),
    lastChange: () =>
      state.failure === '' ? Promise.resolve(state.lastChange) : Promise.reject(new Error(state.failure)),
    log: createLog('debug', { write: (line) => void lines.push(line) }),
  })
  service.apply()
  t.teardown(() => service.close(0))
  return { active, clock, installs, lines, state, counters, service }
}

t.test('an observation runs the command of each hook that names its event', async (t) => {
  const { hook, read } = fileHook(t, ['node.installed'])
  const { installs, service } = startHooks(t, [hook])
  installs.observe({ ...installed, to: 'failed' })
  installs.observe({ node, kind: 'command', command: 'install' })
  installs.observe(installed)
  await until(() => service.list()[0]?.delivered === 1)
  t.match(read(), [
    {
      id: /^evt_[0-9a-f-]{36}$/,
      type: 'node.installed',
      timestamp: '2026-11-21T11:00:00.000Z',
      site: 'lab',
      server: '192.0.2.2',
      text: 'ocp45/w1 is installed: it is written',
      data: { node },
    },
  ])
  t.equal(read().length, 1)
})

t.test('an observation of another appliance is not an event here', async (t) => {
  const { hook } = fileHook(t, ['node.installed'])
  const { installs, service } = startHooks(t, [hook])
  installs.remember([{ ...installed, sequence: 1, at: 0, appliance: '192.0.2.3' }])
  t.equal(service.list()[0]?.waiting, 0)
  await service.close(0)
})

t.test('a hook that hangs delays neither another one nor the process', async (t) => {
  const { received, url } = await webhookReceiver(t)
  const { hook, read } = fileHook(t, ['node.installed'])
  const slow = {
    ...hook,
    name: 'slow',
    target: { kind: 'command', program: '/bin/sleep', args: ['600'] },
  } as const
  const chat = { ...hook, name: 'chat', target: { kind: 'webhook', url, ...hookFiles(t) } } as const
  const { installs, service } = startHooks(t, [slow, chat, hook])
  const before = performance.now()
  for (let count = 0; count < 5; count++) installs.observe(installed)
  t.ok(performance.now() - before < 10_000, 'nothing waits for the hook')
  await until(() =>
    service
      .list()
      .slice(1)
      .every(({ delivered }) => delivered === 5),
  )
  t.ok(received.every(({ isSigned }) => isSigned))
  t.same(
    received.map(({ event }) => event.id),
    read().map(({ id }) => id),
    'the id is the same for each hook, and the order is that of the events',
  )
  t.match(service.list(), [{ name: 'slow', waiting: 5 }, { name: 'chat', waiting: 0 }, { waiting: 0 }])
})

t.test('differences of the status are events, while a hook wants them', async (t) => {
  const { hook, read } = fileHook(t, ['problem.started', 'problem.ended'])
  const { active, clock, service, state, counters } = startHooks(t, [hook])
  t.equal(clock.nextDelay(), snapshotEveryMs)
  state.snapshot = { ...empty, problems: [{ code: 'server.address-missing', text: 'no interface has it' }] }
  const poll = async () => {
    clock.advance(snapshotEveryMs)
    for (let turn = 0; turn < 5; turn++) await setImmediate()
  }
  await poll()
  await poll()
  state.failure = 'not readable'
  await poll()
  t.equal(counters.get('hooks.bugs'), 1)
  state.failure = ''
  state.snapshot = empty
  await poll()
  await until(() => service.list()[0]?.delivered === 2)
  t.same(
    read().map(({ type, text }) => `${type} ${text}`),
    [
      'problem.started server.address-missing: no interface has it',
      'problem.ended server.address-missing has ended',
    ],
  )
  active.hooks = [{ ...hook, events: ['node.ready'] }]
  service.apply()
  await poll()
  t.equal(clock.pending(), 0, 'no hook wants events of the status any more')
})

t.test('a changed site is an event of the hooks that it has now', async (t) => {
  const { hook, read } = fileHook(t, ['site.changed'])
  const { active, service, state, lines } = startHooks(t, [])
  service.siteChanged()
  active.hooks = [hook]
  service.apply()
  service.siteChanged()
  await until(() => service.list()[0]?.delivered === 1)
  t.match(read(), [{ type: 'site.changed', text: 'reload: 1 node added' }])
  state.failure = 'no history'
  service.siteChanged()
  await until(() => lines.some((line) => line.includes('no history')))
})

t.test('a reload keeps unchanged hooks, and the waiting events of changed ones', async (t) => {
  const { hook, read } = fileHook(t, ['node.installed'])
  const broken = { ...hook, target: { kind: 'command', program: '/nonexistent', args: [] } } as const
  const kept = { ...broken, name: 'kept' }
  const { active, installs, service } = startHooks(t, [broken, kept, { ...broken, name: 'removed' }])
  installs.observe(installed)
  await until(() => service.outages().length === 3)
  t.match(service.outages(), [{ code: 'hook.delivery-failed', text: /^hook file: \/nonexistent: not found/ }])
  t.same(service.problems(), [])
  active.hooks = [hook, kept]
  service.apply()
  await until(() => service.list()[0]?.delivered === 1)
  t.equal(read().length, 1)
  t.match(service.list(), [{ name: 'file' }, { name: 'kept', waiting: 1 }])
})

t.test('a test sends a sample event once, and returns what the receiver answered', async (t) => {
  const { received, url } = await webhookReceiver(t, (response, count) =>
    response.writeHead(count === 1 ? 500 : 200).end('noted'),
  )
  const target = { kind: 'webhook', url, ...hookFiles(t) } as const
  const { service } = startHooks(t, [{ name: 'chat', events: ['csr.pending'], timeoutMs: 10_000, target }])
  const [first, same] = await Promise.all([service.test('chat'), service.test('chat')])
  t.equal(first, same, 'one test of a hook runs at a time')
  t.match(first, {
    outcome: 'temporary',
    detail: 'localhost: 500 Internal Server Error',
    output: 'noted',
    target: new URL(url).origin,
  })
  t.match(await service.test('chat'), { outcome: 'delivered' })
  t.match(received, [{ isSigned: true, event: { type: 'hook.test', data: { hook: 'chat' } } }, {}])
  t.equal(await service.test('x'), undefined)
  t.match(service.list(), [{ waiting: 0, delivered: 0, failed: 0 }])
})

t.test('closing waits a short time for a delivery, and logs what is lost', async (t) => {
  const { hook } = fileHook(t, ['node.installed'])
  const slow = { ...hook, target: { kind: 'command', program: '/bin/sleep', args: ['600'] } } as const
  const { installs, service, clock, lines } = startHooks(t, [slow])
  installs.observe(installed)
  const closing = service.close(60_000)
  t.equal(clock.nextDelay(), 2000)
  clock.advance(2000)
  await closing
  t.match(lines.at(-1), /"hook":"file","count":1,"msg":"hook events discarded"/)
})
