/**
 * The events that wait for one hook. Delivers them one after another, and repeats a failed attempt with growing pauses.
 * Bounded: if the receiver does not keep up, the oldest waiting events are dropped and counted.
 */
import { type Clock, isAborted, pause } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import { targetText, type HookPlan } from '../../plan/hooks.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import { pluralize } from '../../text/format.ts'
import type { HookCode } from './codes.ts'
import type { Attempt, deliver } from './deliver.ts'
import type { HookEvent } from './events.ts'

export type QueueOptions = {
  readonly hook: HookPlan
  readonly deliver: typeof deliver
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
}

/** What `slipway hooks` shows. */
export type HookState = {
  readonly name: string
  readonly events: readonly string[]
  /** The host of a webhook, or the program. */
  readonly target: string
  /** Events that wait, including the one that is being delivered. */
  readonly waiting: number
  /** Since the start of slipway, or the last change of the hook. */
  readonly delivered: number
  readonly failed: number
  readonly dropped: number
  /** Milliseconds since 1970. */
  readonly lastDelivered?: number
  /** Why the last attempt failed. */
  readonly problem?: string
}

export type HookQueue = {
  readonly hook: HookPlan
  add(event: HookEvent): void
  state(): HookState
  /** Returns the failure of the last attempt, and the drops of the last hour. */
  problems(): readonly (ActiveProblem & { readonly code: HookCode })[]
  /** Resolves when no event waits. */
  drained(): Promise<void>
  /** Aborts the current attempt. @returns the events that were not delivered */
  close(): readonly HookEvent[]
}

/** Enough for a site of hundreds of nodes that boot together. */
export const maxWaiting = 1000

/** Pauses after failed attempts; the last attempt is 13 minutes after the first. */
export const retryPausesMs = [1000, 5000, 30_000, 120_000, 600_000] as const

const dropsShownMs = 3_600_000

export function createHookQueue({ hook, deliver, clock, log, counters }: QueueOptions): HookQueue {
  const { name, target, timeoutMs } = hook
  const waiting: HookEvent[] = []
  const end = new AbortController()
  const totals = { delivered: 0, failed: 0, dropped: 0 }
  let lastDelivered: number | undefined
  let failure: Attempt | undefined
  let droppedAt: number | undefined
  let delivery: Promise<void> | undefined

  function add(event: HookEvent): void {
    if (waiting.length >= maxWaiting) {
      // The first one is being delivered.
      waiting.splice(1, 1)
      totals.dropped++
      counters.increment('hooks.dropped')
      const code: HookCode = 'hook.events-dropped'
      if (!hasDropped()) log.warn({ code, hook: name, waiting: maxWaiting }, 'hook events dropped')
      droppedAt = clock.monotonic()
    }
    waiting.push(event)
    delivery ??= deliverAll()
  }

  function hasDropped(): boolean {
    return droppedAt !== undefined && clock.monotonic() - droppedAt < dropsShownMs
  }

  async function deliverAll(): Promise<void> {
    for (let event = waiting[0]; event !== undefined && !isAborted(end.signal); event = waiting[0]) {
      const isSettled = await deliverOne(event)
      if (isSettled) waiting.shift()
    }
    delivery = undefined
  }

  /** @returns whether the event was delivered or given up; false if the queue was closed */
  async function deliverOne(event: HookEvent): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      const startedAt = clock.monotonic()
      const result = await deliver(target, event, { timeoutMs, clock, signal: end.signal })
      if (isAborted(end.signal)) return result.outcome === 'delivered'
      const { outcome, detail: reason } = result
      const facts = { hook: name, event: event.type, id: event.id }
      if (outcome === 'delivered') {
        failure = undefined
        totals.delivered++
        lastDelivered = clock.now()
        counters.increment('hooks.delivered')
        log.debug({ ...facts, durationMs: Math.round(clock.monotonic() - startedAt) }, 'hook event delivered')
        return true
      }
      failure = result
      const pauseMs = outcome === 'temporary' ? retryPausesMs[attempt] : undefined
      const code = result.code ?? ('hook.delivery-failed' satisfies HookCode)
      if (pauseMs === undefined) {
        totals.failed++
        counters.increment('hooks.failed')
        log.error({ ...facts, code, reason, attempts: attempt + 1 }, 'hook event not delivered')
        return true
      }
      counters.increment('hooks.retried')
      log.warn({ ...facts, code, reason, pauseMs }, 'hook attempt failed')
      await pause(clock, pauseMs, end.signal)
      if (isAborted(end.signal)) return false
    }
  }

  return {
    hook,
    add,
    state: () => ({
      name,
      events: hook.events,
      target: targetText(target),
      waiting: waiting.length,
      ...totals,
      ...(lastDelivered !== undefined && { lastDelivered }),
      ...(failure !== undefined && { problem: failure.detail }),
    }),
    problems() {
      const problems: (ActiveProblem & { code: HookCode })[] = []
      if (failure !== undefined) {
        const { code = 'hook.delivery-failed', detail } = failure
        const rest = waiting.length === 0 ? '' : `; ${pluralize(waiting.length, 'event')} waiting`
        problems.push({ code, text: `hook ${name}: ${detail}${rest}` })
      }
      if (hasDropped()) {
        const text = `hook ${name} dropped ${pluralize(totals.dropped, 'event')}, because ${maxWaiting} were waiting`
        problems.push({ code: 'hook.events-dropped', text })
      }
      return problems
    },
    async drained() {
      await delivery
    },
    close() {
      end.abort()
      return waiting
    },
  }
}
