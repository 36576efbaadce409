/** Waits until a cluster reaches a goal, stage after stage, and reports what each stage still needs. */
import type { Clock, Timer } from '../host/clock.ts'
import { defined } from '../text/defined.ts'
import { isReached, startedProgress, type Stage } from './evaluate/stages.ts'
import type { ClusterSession } from './session.ts'
import { trackStages } from './tracker.ts'

/** In order. `elapsedMs` is the time since the start. */
export type WaitEvent = { readonly elapsedMs: number; readonly stage: Stage } & (
  | { readonly kind: 'started'; readonly limitMs: number }
  /** Reported when it changes. */
  | { readonly kind: 'missing'; readonly missing: readonly string[] }
  /** The API is not reachable at the moment. */
  | { readonly kind: 'outage'; readonly sentence: string }
  | { readonly kind: 'done'; readonly note: string }
  | { readonly kind: 'late'; readonly missing: readonly string[] }
)

/** What is known of a stage now. */
export type StageView = {
  readonly isReached: boolean
  /** Why it counts as reached, or the version of the API. */
  readonly note?: string
  /** What it still needs, in sentences. */
  readonly missing: readonly string[]
  /** Why the cluster is not reachable, a sentence. */
  readonly outage?: string
}

export type StageSource = {
  readonly view: (stage: Stage) => StageView
  /** Evaluates a stage one last time, because its time limit was reached. */
  readonly expire: (stage: Stage) => void
  readonly close: () => void
}

export type WaitOptions = {
  /**
   * Opens the source of the stages; it calls `onUpdate` when what is known may have changed, but never before it has
   * returned.
   */
  readonly open: (onUpdate: () => void) => StageSource
  readonly stages: readonly Stage[]
  readonly clock: Clock
  readonly signal: AbortSignal
  /** The limit for all stages together, instead of one for each. */
  readonly timeoutMs?: number
  readonly report: (event: WaitEvent) => void
}

export type WaitOutcome =
  | { readonly kind: 'complete' | 'interrupted' }
  /** `stage` was not reached in time. */
  | { readonly kind: 'late'; readonly stage: Stage }

/** The same interval as openshift-install. */
const intervalMs = 2000

/** Returns the source that evaluates the stages from a connection to the cluster. */
export function sessionStages(
  session: ClusterSession,
  stages: readonly Stage[],
  clock: Clock,
): WaitOptions['open'] {
  return (onUpdate) => {
    const tracker = trackStages({
      session,
      clock,
      stages,
      always: [],
      intervalMs,
      burstMs: 0,
      progress: startedProgress(clock.now()),
      onUpdate,
    })
    return {
      view({ name, kinds }) {
        const { progress, missing } = tracker.evaluation()
        const { note } = progress[name] ?? {}
        const outage = tracker.outage(kinds)?.sentence
        return {
          isReached: isReached(progress, name),
          missing: (missing.get(name) ?? []).map(({ sentence }) => sentence),
          ...defined({ note, outage }),
        }
      },
      expire: ({ name }) => tracker.update(name),
      close: () => tracker.close(),
    }
  }
}

export function wait(options: WaitOptions): Promise<WaitOutcome> {
  const { open, clock, signal, stages, timeoutMs, report } = options
  const { promise, resolve } = Promise.withResolvers<WaitOutcome>()
  const startedMs = clock.monotonic()
  const elapsed = () => clock.monotonic() - startedMs
  let position = 0
  let deadline: Timer | undefined
  let hasEnded = false
  /** What was reported last for this stage. */
  let shown = { outage: '', missing: '' }

  const source = open(() => onUpdate())

  function finish(outcome: WaitOutcome): void {
    hasEnded = true
    deadline?.cancel()
    signal.removeEventListener('abort', interrupt)
    source.close()
    resolve(outcome)
  }

  function interrupt(): void {
    finish({ kind: 'interrupted' })
  }

  /** Starts the stage at `position`. */
  function start(): void {
    const stage = stages[position]
    if (stage === undefined) {
      finish({ kind: 'complete' })
      return
    }
    const limitMs = timeoutMs === undefined ? stage.timeoutMs : timeoutMs - elapsed()
    shown = { outage: '', missing: '' }
    report({ kind: 'started', stage, elapsedMs: elapsed(), limitMs })
    deadline?.cancel()
    deadline = clock.after(limitMs, () => expire(stage))
  }

  function onUpdate(): void {
    let stage = stages[position]
    while (!hasEnded && stage !== undefined) {
      const view = source.view(stage)
      if (!view.isReached) {
        showMissing(stage, view)
        return
      }
      report({ kind: 'done', stage, elapsedMs: elapsed(), note: view.note ?? '' })
      position++
      start()
      stage = stages[position]
    }
  }

  function showMissing(stage: Stage, { missing, outage = '' }: StageView): void {
    const next = { outage, missing: missing.join('\n') }
    if (outage !== '' && outage !== shown.outage) {
      report({ kind: 'outage', stage, elapsedMs: elapsed(), sentence: outage })
    }
    // After an outage, what is missing is shown again instead of the outage.
    const isNew = next.missing !== shown.missing || shown.outage !== ''
    if (outage === '' && next.missing !== '' && isNew) {
      report({ kind: 'missing', stage, elapsedMs: elapsed(), missing })
    }
    shown = next
  }

  function expire(stage: Stage): void {
    source.expire(stage)
    if (hasEnded || stages[position] !== stage) return
    report({ kind: 'late', stage, elapsedMs: elapsed(), missing: source.view(stage).missing })
    finish({ kind: 'late', stage })
  }

  if (signal.aborted) interrupt()
  else {
    signal.addEventListener('abort', interrupt)
    start()
  }
  return promise
}
