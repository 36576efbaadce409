/** Waits until a cluster reaches a goal, stage after stage, and reports what each stage still needs. */
import type { Clock, Timer } from '../host/clock.ts'
import type { Problem } from './codes.ts'
import { isReached, startedProgress, type Stage } from './evaluate/stages.ts'
import type { ClusterSession } from './session.ts'
import { trackStages, type StageTracker } from './tracker.ts'

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

export type WaitOptions = {
  readonly session: ClusterSession
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

export function wait(options: WaitOptions): Promise<WaitOutcome> {
  const { session, clock, signal, stages, timeoutMs, report } = options
  const { promise, resolve } = Promise.withResolvers<WaitOutcome>()
  const startedMs = clock.monotonic()
  const elapsed = () => clock.monotonic() - startedMs
  let position = 0
  let deadline: Timer | undefined
  let hasEnded = false
  /** What was reported last for this stage. */
  let shown = { outage: '', missing: '' }

  const tracker: StageTracker = trackStages({
    ...{ session, clock, stages, always: [], intervalMs, burstMs: 0 },
    progress: startedProgress(clock.now()),
    onUpdate: () => onUpdate(),
  })

  function finish(outcome: WaitOutcome): void {
    hasEnded = true
    deadline?.cancel()
    signal.removeEventListener('abort', interrupt)
    tracker.close()
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
    const { progress, missing } = tracker.evaluation()
    let stage = stages[position]
    while (!hasEnded && stage !== undefined && isReached(progress, stage.name)) {
      const { note = '' } = progress[stage.name] ?? {}
      report({ kind: 'done', stage, elapsedMs: elapsed(), note })
      position++
      start()
      stage = stages[position]
    }
    if (hasEnded || stage === undefined) return
    const outage = tracker.outage(stage.kinds)?.sentence ?? ''
    const lines = sentencesOf(missing.get(stage.name))
    const next = { outage, missing: lines.join('\n') }
    if (outage !== '' && outage !== shown.outage) {
      report({ kind: 'outage', stage, elapsedMs: elapsed(), sentence: outage })
    }
    // After an outage, what is missing replaces it.
    const isNew = next.missing !== shown.missing || shown.outage !== ''
    if (outage === '' && next.missing !== '' && isNew) {
      report({ kind: 'missing', stage, elapsedMs: elapsed(), missing: lines })
    }
    shown = next
  }

  function expire(stage: Stage): void {
    tracker.update(stage.name)
    if (hasEnded || stages[position] !== stage) return
    const missing = sentencesOf(tracker.evaluation().missing.get(stage.name))
    report({ kind: 'late', stage, elapsedMs: elapsed(), missing })
    finish({ kind: 'late', stage })
  }

  if (signal.aborted) interrupt()
  else {
    signal.addEventListener('abort', interrupt)
    start()
  }
  return promise
}

function sentencesOf(problems: readonly Problem[] = []): readonly string[] {
  return problems.map(({ sentence }) => sentence)
}
