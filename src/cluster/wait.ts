/** Goes through the stages of a goal: follows what each has to see, says what is missing, ends in time. */
import type { Clock } from '../host/clock.ts'
import type { ClusterApi } from './connection/client.ts'
import type { Judgement } from './missing.ts'
import { askVersion } from './ask-version.ts'
import { holdCollections } from './collections.ts'
import { pause } from '../host/pause.ts'
import type { Stage } from './stages.ts'

/** What there is to tell, in order. `elapsedMs`: since the beginning. */
export type WaitEvent = { readonly elapsedMs: number; readonly stage: Stage } & (
  | { readonly kind: 'begun'; readonly mostMs: number }
  /** Told when it changes. */
  | { readonly kind: 'missing'; readonly missing: readonly string[] }
  /** The API is not heard at the moment. */
  | { readonly kind: 'trouble'; readonly sentence: string }
  | { readonly kind: 'done'; readonly note: string }
  | { readonly kind: 'late'; readonly missing: readonly string[] }
)

export type WaitOptions = {
  readonly api: ClusterApi
  readonly stages: readonly Stage[]
  readonly clock: Clock
  readonly signal: AbortSignal
  /** For all stages together, instead of each one's own. */
  readonly timeoutMs?: number
  readonly tell: (event: WaitEvent) => void
}

export type WaitOutcome =
  | { readonly kind: 'complete' | 'interrupted' }
  /** `stage` did not come to pass in time. */
  | { readonly kind: 'late'; readonly stage: Stage }

/** As openshift-install asks for the API; operators settle by time alone, so they are judged as often. */
const roundMs = 2000

export async function wait(options: WaitOptions): Promise<WaitOutcome> {
  const { api, clock, signal, stages, timeoutMs, tell } = options
  const startedMs = clock.monotonic()
  const elapsed = () => clock.monotonic() - startedMs
  let current = stages[0]
  let wake = new AbortController()
  /** What was said last to be missing. */
  let told = ''

  const collections = holdCollections({
    api,
    clock,
    onChange: () => wake.abort(),
    onOutage(_path, sentence) {
      if (current !== undefined) tell({ kind: 'trouble', stage: current, elapsedMs: elapsed(), sentence })
    },
    onReachable() {
      // In place of the trouble, what is missing is said once more.
      told = ''
      wake.abort()
    },
  })

  async function judge(stage: Stage): Promise<Judgement & { readonly note?: string }> {
    const { look } = stage
    if (look === undefined) return askVersion(api, signal)
    // Nothing is done, and nothing missing, of what was not seen.
    if (!look.paths.every((path) => collections.isListed(path))) return { isDone: false, missing: [] }
    return look.judge((path) => collections.items(path), clock.now())
  }

  async function pass(stage: Stage): Promise<'done' | 'late' | 'interrupted'> {
    const beganMs = elapsed()
    const endMs = timeoutMs ?? beganMs + stage.timeoutMs
    tell({ kind: 'begun', stage, elapsedMs: beganMs, mostMs: endMs - beganMs })
    for (const path of stage.look?.paths ?? []) collections.begin(path)
    told = ''
    while (!isOver(signal)) {
      wake = new AbortController()
      const { isDone, missing, note = '' } = await judge(stage)
      if (isOver(signal)) break
      if (isDone) {
        tell({ kind: 'done', stage, elapsedMs: elapsed(), note })
        return 'done'
      }
      if (elapsed() >= endMs) {
        const excuse = stage.otherwise?.((path) => collections.items(path))
        if (excuse === undefined) tell({ kind: 'late', stage, elapsedMs: elapsed(), missing })
        else tell({ kind: 'done', stage, elapsedMs: elapsed(), note: excuse })
        return excuse === undefined ? 'late' : 'done'
      }
      const text = missing.join('\n')
      if (text !== told && text !== '') tell({ kind: 'missing', stage, elapsedMs: elapsed(), missing })
      told = text
      const delayMs = Math.min(roundMs, endMs - elapsed())
      await pause(clock, delayMs, AbortSignal.any([signal, wake.signal]))
    }
    return 'interrupted'
  }

  try {
    for (const stage of stages) {
      current = stage
      const end = await pass(stage)
      if (end === 'interrupted') return { kind: 'interrupted' }
      if (end === 'late') return { kind: 'late', stage }
    }
    return { kind: 'complete' }
  } finally {
    collections.close()
  }
}

function isOver(signal: AbortSignal): boolean {
  return signal.aborted
}
