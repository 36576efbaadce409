/**
 * Sends events to the hooks of the active plan. Observations become events at once, and the status is compared every 10 s.
 * Nothing waits for a hook: each has its own queue, and a slow receiver delays only its own events.
 */
import { randomUUID } from 'node:crypto'
import { type Clock, type Timer, pause } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Installs } from '../../install/installs.ts'
import type { HookEventName, HookPlan } from '../../plan/hooks.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import { deliver, type Attempt } from './deliver.ts'
import { observationEvent, snapshotEvents, type EventDraft, type HookEvent, type Snapshot } from './events.ts'
import { createHookQueue, type HookQueue, type HookState } from './queue.ts'

export type HooksOptions = {
  /** Returns the hooks of the active plan, and the names of the site and of this server. */
  readonly active: () => {
    readonly hooks: readonly HookPlan[]
    readonly site: string
    readonly server: string
  }
  readonly installs: Pick<Installs, 'subscribe'>
  /** Returns the current status; called every 10 s if a hook gets events that are made from it. */
  readonly snapshot: (before: Snapshot | undefined) => Promise<Snapshot>
  /** Returns what the last change of the site was: one sentence. */
  readonly lastChange: () => Promise<string>
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
}

export type Hooks = {
  /** Applies the hooks of the active plan. Waiting events of a changed hook are kept. */
  apply(): void
  /** Reports that a changed site is served. */
  siteChanged(): void
  list(): readonly HookState[]
  /** Sends a sample event once, without a retry. @returns undefined for an unknown hook */
  test(name: string): Promise<HookTest | undefined>
  problems(): readonly ActiveProblem[]
  outages(): readonly ActiveProblem[]
  /** Waits a short time for events that are being delivered. */
  close(graceMs: number): Promise<void>
}

export type HookTest = Attempt & {
  readonly event: HookEvent
  readonly target: string
  readonly durationMs: number
}

export const snapshotEveryMs = 10_000

/** A restart must not wait long for a receiver. */
const maxGraceMs = 2000

/** Events that are made from snapshots. */
const snapshotEventNames: readonly HookEventName[] = [
  'node.problem-started',
  'node.problem-ended',
  'problem.started',
  'problem.ended',
  'machine.undeclared',
  'csr.pending',
  'bootstrap.removed',
]

export function createHooks(options: HooksOptions): Hooks {
  const { active, installs, snapshot, lastChange, clock, log, counters } = options
  let queues: readonly HookQueue[] = []
  let before: Snapshot | undefined
  let timer: Timer | undefined
  let isClosed = false
  /** Tests in progress by name: one at a time for each hook. */
  const tests = new Map<string, Promise<HookTest>>()

  const isWanted = (name: EventDraft['type']) =>
    queues.some(({ hook }) => hook.events.some((each) => each === name))

  function eventOf(draft: EventDraft): HookEvent {
    const { site, server } = active()
    const timestamp = new Date(clock.now()).toISOString()
    return { id: `evt_${randomUUID()}`, timestamp, site, server, ...draft }
  }

  function send(draft: EventDraft): void {
    if (!isWanted(draft.type)) return
    const event = eventOf(draft)
    for (const queue of queues) if (queue.hook.events.some((each) => each === event.type)) queue.add(event)
  }

  // An observation of another appliance is an event there.
  const unsubscribe = installs.subscribe((seen) => {
    if (queues.length === 0 || (seen.kind !== 'state' && seen.kind !== 'cluster')) return
    const draft = seen.appliance === undefined ? observationEvent(seen) : undefined
    if (draft !== undefined) send(draft)
  })

  async function poll(): Promise<void> {
    try {
      const after = await snapshot(before)
      for (const draft of snapshotEvents(before, after)) send(draft)
      before = after
    } catch (error) {
      counters.increment('hooks.bugs')
      log.error({ err: error }, 'hook events not computed')
    }
    timer = undefined
    schedule()
  }

  function schedule(): void {
    if (isClosed || timer !== undefined) return
    if (!snapshotEventNames.some(isWanted)) before = undefined
    else timer = clock.after(snapshotEveryMs, () => void poll())
  }

  async function test(hook: HookPlan, target: string): Promise<HookTest> {
    const text = `test of the hook ${hook.name}`
    const event = eventOf({ type: 'hook.test', text, data: { hook: hook.name, events: hook.events } })
    const startedAt = clock.monotonic()
    const { timeoutMs } = hook
    const result = await deliver(hook.target, event, {
      timeoutMs,
      clock,
      signal: new AbortController().signal,
    })
    return { ...result, event, target, durationMs: Math.round(clock.monotonic() - startedAt) }
  }

  const allProblems = () => queues.flatMap((queue) => queue.problems())

  return {
    apply() {
      const old = queues
      const isSame = (queue: HookQueue, hook: HookPlan) => JSON.stringify(queue.hook) === JSON.stringify(hook)
      queues = active().hooks.map((hook) => {
        const kept = old.find((queue) => isSame(queue, hook))
        if (kept !== undefined) return kept
        const queue = createHookQueue({ hook, deliver, clock, log, counters })
        const changed = old.find((each) => each.hook.name === hook.name)
        for (const event of changed?.close() ?? []) queue.add(event)
        return queue
      })
      for (const queue of old) if (!queues.includes(queue)) queue.close()
      schedule()
    },
    siteChanged() {
      if (!isWanted('site.changed')) return
      lastChange().then(
        (summary) => send({ type: 'site.changed', text: summary, data: { summary } }),
        (error: unknown) => log.error({ err: error }, 'hook events not computed'),
      )
    },
    list: () => queues.map((queue) => queue.state()),
    async test(name) {
      const queue = queues.find(({ hook }) => hook.name === name)
      if (queue === undefined) return undefined
      const running = tests.get(name) ?? test(queue.hook, queue.state().target)
      tests.set(name, running)
      return running.finally(() => tests.delete(name))
    },
    problems: () => allProblems().filter(({ code }) => code !== 'hook.delivery-failed'),
    outages: () => allProblems().filter(({ code }) => code === 'hook.delivery-failed'),
    async close(graceMs) {
      isClosed = true
      unsubscribe()
      timer?.cancel()
      const end = new AbortController()
      if (graceMs > 0) {
        const drained = Promise.all(queues.map((queue) => queue.drained()))
        await Promise.race([pause(clock, Math.min(graceMs, maxGraceMs), end.signal), drained])
      }
      end.abort()
      for (const queue of queues) {
        const { length } = queue.close()
        if (length > 0) log.warn({ hook: queue.hook.name, count: length }, 'hook events discarded')
      }
    },
  }
}
