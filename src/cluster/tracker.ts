/**
 * Tracks one cluster through its stages: asks for the API until it answers, then holds the kinds that the stages need,
 * and evaluates them after every change and at intervals.
 */
import { type Clock, type Timer, isAborted, pause } from '../host/clock.ts'
import type { Kind } from './objects.ts'
import {
  isReached,
  evaluateStages,
  neededKinds,
  type Snapshot,
  type Stage,
  type StageEvaluation,
} from './evaluate/stages.ts'
import type { InstallProgress } from './records.ts'
import type { ApiCheck, ClusterSession, Held, Outage } from './session.ts'

export type TrackerOptions = {
  readonly session: ClusterSession
  readonly clock: Clock
  readonly stages: readonly Stage[]
  /** The progress before. */
  readonly progress: InstallProgress
  /** Kinds that are always held, once the API has answered. */
  readonly always: readonly Kind<unknown>[]
  /** The interval between two requests for the API, and between two evaluations: some stages are reached by time alone. */
  readonly intervalMs: number
  /** How long to wait for more changes before an evaluation. */
  readonly burstMs: number
  /** Called after each evaluation. */
  readonly onUpdate: (evaluation: StageEvaluation, snapshot: Snapshot) => void
}

export type StageTracker = {
  readonly snapshot: Snapshot
  evaluation(): StageEvaluation
  /** Evaluates now. @param expired the name of a stage whose time limit was reached */
  update(expired?: string): void
  /** Whether a kind is held, and its items were current within the last minute. */
  isKnown(kind: Kind<unknown>): boolean
  /** Returns the items of a kind that is known. */
  known<T>(kind: Kind<T>): readonly T[] | undefined
  /** Returns the first outage of the kinds. */
  outage(kinds: readonly Kind<unknown>[]): Outage | undefined
  /** Applies the stages of a reloaded site. */
  declare(stages: readonly Stage[]): void
  close(): void
}

export function trackStages(options: TrackerOptions): StageTracker {
  const { session, clock, always, intervalMs, burstMs, onUpdate } = options
  const end = new AbortController()
  const held = new Map<Kind<unknown>, Held<unknown>>()
  let { stages } = options
  let evaluation: StageEvaluation = { progress: options.progress, missing: new Map() }
  let api: ApiCheck | undefined
  let timer: Timer | undefined
  let dueMs = Infinity

  const isApiReached = () =>
    stages.every(({ after, name }) => after !== undefined || isReached(evaluation.progress, name))

  const snapshot: Snapshot = {
    items: <T>(kind: Kind<T>) => (held.get(kind)?.items() ?? []) as readonly T[],
    isCurrent: (kind) => held.get(kind)?.isCurrent() === true,
    isStale(kind) {
      const each = held.get(kind)
      return each?.outage() !== undefined && !each.isRecent()
    },
    get api() {
      return api
    },
    get hasCredentials() {
      return session.kubeconfigProblem() === undefined
    },
  }

  /** Holds the kinds that are needed now, and releases the others. */
  function holdNeeded(): void {
    const needed = new Set(isApiReached() ? [...always, ...neededKinds(stages, evaluation.progress)] : [])
    for (const kind of needed) {
      if (!held.has(kind)) held.set(kind, session.hold(kind, { onChange: updateSoon, onOutage: updateSoon }))
    }
    for (const [kind, each] of held) {
      if (needed.has(kind)) continue
      held.delete(kind)
      each.release()
    }
  }

  function update(expired?: string): void {
    if (isAborted(end.signal)) return
    timer?.cancel()
    dueMs = Infinity
    // After a stage is reached, others can be evaluated. Another holder may have read their kinds already.
    for (let before: InstallProgress | undefined; before !== evaluation.progress;) {
      before = evaluation.progress
      holdNeeded()
      evaluation = evaluateStages(stages, evaluation, { snapshot, now: clock.now(), expired })
    }
    const isDone = stages.every(({ name }) => isReached(evaluation.progress, name))
    if (isApiReached() && !isDone) updateWithin(intervalMs)
    onUpdate(evaluation, snapshot)
  }

  function updateSoon(): void {
    if (burstMs === 0) update()
    else updateWithin(burstMs)
  }

  function updateWithin(ms: number): void {
    const atMs = clock.monotonic() + ms
    if (atMs >= dueMs) return
    timer?.cancel()
    dueMs = atMs
    timer = clock.after(ms, () => update())
  }

  async function start(): Promise<void> {
    while (!isApiReached() && !isAborted(end.signal)) {
      api = await session.checkApi(end.signal)
      update()
      if (!api.isUp) await pause(clock, intervalMs, end.signal)
    }
    update()
  }

  const isKnown = (kind: Kind<unknown>): boolean => held.get(kind)?.isRecent() === true

  void start()
  return {
    snapshot,
    evaluation: () => evaluation,
    update,
    isKnown,
    known: <T>(kind: Kind<T>) => (isKnown(kind) ? snapshot.items(kind) : undefined),
    outage: (some) => some.map((kind) => held.get(kind)?.outage()).find((each) => each !== undefined),
    declare(next) {
      stages = next
      if (held.size > 0) update()
    },
    close() {
      end.abort()
      timer?.cancel()
      for (const each of held.values()) each.release()
      held.clear()
    },
  }
}
