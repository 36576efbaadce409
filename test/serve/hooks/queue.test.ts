import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import type { HookPlan } from '../../../src/plan/hooks.ts'
import type { Attempt } from '../../../src/serve/hooks/deliver.ts'
import type { HookEvent } from '../../../src/serve/hooks/events.ts'
import { createHookQueue, maxWaiting, retryPausesMs } from '../../../src/serve/hooks/queue.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const hook: HookPlan = {
  name: 'chat',
  events: ['node.installed'],
  timeoutMs: 10_000,
  target: { kind: 'webhook', url: 'https://chat.example.net/T0/secret', secretFile: '/secret' },
}
const event = (id: string): HookEvent => {
  return { id, type: 'node.installed', timestamp: '', site: 'lab', server: '', text: '', data: {} }
}
const delivered: Attempt = { outcome: 'delivered', detail: '200 OK', output: '' }
const down: Attempt = { outcome: 'temporary', detail: 'chat.example.net: connection refused', output: '' }

/** @param results of the attempts; the last one is that of all others */
function queueWith(...results: (Attempt | Promise<Attempt>)[]) {
  const clock = fakeClock()
  const counters = new Counters()
  const lines: string[] = []
  const attempts: string[] = []
  const queue = createHookQueue({
    ...{ hook, clock, counters },
    log: createLog('debug', { write: (line) => void lines.push(line) }),
    deliver(_target, { id }) {
      attempts.push(`${clock.monotonic()} ${id}`)
      return Promise.resolve((results.length > 1 ? results.shift() : results[0]) as Attempt)
    },
  })
  return { clock, counters, lines, attempts, queue }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate()
}

t.test('events are delivered one after another, in their order', async (t) => {
  const { queue, attempts, counters } = queueWith(delivered)
  for (const id of ['a', 'b', 'c']) queue.add(event(id))
  t.equal(queue.state().waiting, 3)
  await queue.drained()
  t.same(attempts, ['0 a', '0 b', '0 c'])
  t.match(queue.state(), {
    name: 'chat',
    target: 'https://chat.example.net',
    waiting: 0,
    delivered: 3,
    failed: 0,
  })
  t.type(queue.state().lastDelivered, 'number')
  t.same(queue.problems(), [])
  t.equal(counters.get('hooks.delivered'), 3)
  queue.add(event('d'))
  await queue.drained()
  t.equal(attempts.length, 4)
})

t.test('a failed attempt is repeated with growing pauses, and then given up', async (t) => {
  const { queue, attempts, clock, counters, lines } = queueWith(down)
  queue.add(event('a'))
  await settle()
  t.same(queue.problems(), [
    {
      code: 'hook.delivery-failed',
      text: 'hook chat: chat.example.net: connection refused; 1 event waiting',
    },
  ])
  for (const pauseMs of retryPausesMs) {
    clock.advance(pauseMs)
    await settle()
  }
  t.same(attempts, ['0 a', '1000 a', '6000 a', '36000 a', '156000 a', '756000 a'])
  t.match(queue.state(), { waiting: 0, failed: 1, problem: 'chat.example.net: connection refused' })
  t.match(queue.problems(), [{ text: 'hook chat: chat.example.net: connection refused' }])
  t.equal(counters.get('hooks.retried'), 5)
  t.equal(counters.get('hooks.failed'), 1)
  t.equal(clock.pending(), 0)
  t.notMatch(lines.join('\n'), /\/T0/, 'the path of the URL is not logged')
  t.match(lines.at(-1), /"code":"hook\.delivery-failed".*"attempts":6.*"msg":"hook event not delivered"/)
})

t.test('the next delivery ends the problem; a permanent failure is not repeated', async (t) => {
  const gone: Attempt = { outcome: 'permanent', detail: '410 Gone', output: '' }
  const { queue, attempts, clock } = queueWith(down, delivered, gone, delivered)
  queue.add(event('a'))
  await settle()
  t.equal(queue.problems().length, 1)
  clock.advance(1000)
  await queue.drained()
  t.same(queue.problems(), [])
  queue.add(event('b'))
  await queue.drained()
  t.match(queue.problems(), [{ text: 'hook chat: 410 Gone' }])
  queue.add(event('c'))
  await queue.drained()
  t.same(attempts, ['0 a', '1000 a', '1000 b', '1000 c'])
  t.same(queue.problems(), [])
})

t.test('a full queue drops its oldest waiting events and reports that for an hour', async (t) => {
  const pending = Promise.withResolvers<Attempt>()
  const { queue, attempts, clock, counters, lines } = queueWith(pending.promise, delivered)
  for (let index = 0; index < maxWaiting + 3; index++) queue.add(event(`${index}`))
  t.equal(queue.state().waiting, maxWaiting)
  t.equal(counters.get('hooks.dropped'), 3)
  t.equal(lines.filter((line) => line.includes('hook events dropped')).length, 1)
  t.same(queue.problems(), [
    {
      code: 'hook.events-dropped',
      text: `hook chat dropped 3 events, because ${maxWaiting} were waiting`,
    },
  ])
  pending.resolve(delivered)
  await queue.drained()
  t.same(attempts.slice(0, 3), ['0 0', '0 4', '0 5'])
  t.equal(attempts.at(-1), `0 ${maxWaiting + 2}`)
  clock.advance(3_600_000)
  t.same(queue.problems(), [])
})

t.test('a secret that cannot be used is the problem of the hook', async (t) => {
  const { queue } = queueWith({ ...down, code: 'hook.secret-unusable', detail: '/secret has mode 0644' })
  queue.add(event('a'))
  await settle()
  t.match(queue.problems(), [{ code: 'hook.secret-unusable', text: /^hook chat: \/secret has mode 0644/ }])
  queue.close()
})

t.test('closing ends a pause and an attempt, and returns what was not delivered', async (t) => {
  const { queue, clock } = queueWith(down)
  queue.add(event('a'))
  queue.add(event('b'))
  await settle()
  t.equal(clock.pending(), 1)
  t.same(
    queue.close().map(({ id }) => id),
    ['a', 'b'],
  )
  await queue.drained()
  t.equal(clock.pending(), 0)
  const hanging = Promise.withResolvers<Attempt>()
  const other = queueWith(hanging.promise)
  other.queue.add(event('c'))
  t.equal(other.queue.close().length, 1)
  hanging.resolve(down)
  await other.queue.drained()
  t.same(other.attempts, ['0 c'])
})
