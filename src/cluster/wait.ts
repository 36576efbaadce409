/** Goes through the stages of a goal: follows what each has to see, says what is missing, ends in time. */
import type { Clock } from '../host/clock.ts'
import type { ClusterApi } from './api.ts'
import type { Judgement } from './missing.ts'
import { apiPaths, nameOf, type Conditioned } from './objects.ts'
import { pause } from './pause.ts'
import type { Items, Stage } from './stages.ts'

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
  const following = new AbortController()
  const collections = new Map<string, Map<string, Conditioned>>()
  const listed = new Set<string>()
  let current = stages[0]
  let wake = new AbortController()

  // Asked only for what is followed.
  const items: Items = (path) => [...(collections.get(path) as Map<string, Conditioned>).values()]
  const changed = (): void => wake.abort()

  function begin(path: string): void {
    if (collections.has(path)) return
    const byName = new Map<string, Conditioned>()
    collections.set(path, byName)
    void api.follow<Conditioned>(
      path,
      {
        onList(all) {
          byName.clear()
          for (const item of all) byName.set(nameOf(item), item)
          listed.add(path)
          changed()
        },
        onEvent(type, item) {
          if (type === 'DELETED') byName.delete(nameOf(item))
          else byName.set(nameOf(item), item)
          changed()
        },
        onTrouble(sentence) {
          if (current !== undefined) tell({ kind: 'trouble', stage: current, elapsedMs: elapsed(), sentence })
        },
      },
      following.signal,
    )
  }

  async function judge(stage: Stage): Promise<Judgement & { readonly note?: string }> {
    const { look } = stage
    if (look === undefined) return askVersion(api, signal)
    // Nothing is done, and nothing missing, of what was not seen.
    if (!look.paths.every((path) => listed.has(path))) return { isDone: false, missing: [] }
    return look.judge(items, clock.now())
  }

  async function pass(stage: Stage): Promise<'done' | 'late' | 'interrupted'> {
    const beganMs = elapsed()
    const endMs = timeoutMs ?? beganMs + stage.timeoutMs
    tell({ kind: 'begun', stage, elapsedMs: beganMs, mostMs: endMs - beganMs })
    for (const path of stage.look?.paths ?? []) begin(path)
    let told = ''
    while (!isOver(signal)) {
      wake = new AbortController()
      const { isDone, missing, note = '' } = await judge(stage)
      if (isOver(signal)) break
      if (isDone) {
        tell({ kind: 'done', stage, elapsedMs: elapsed(), note })
        return 'done'
      }
      if (elapsed() >= endMs) {
        const excuse = stage.otherwise?.(items)
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
    following.abort()
  }
}

async function askVersion(api: ClusterApi, signal: AbortSignal): Promise<Judgement & { note?: string }> {
  try {
    const { gitVersion } = await api.get<{ gitVersion?: string }>(apiPaths.version, signal)
    return { isDone: true, missing: [], ...(typeof gitVersion === 'string' ? { note: gitVersion } : {}) }
  } catch (error) {
    return { isDone: false, missing: [(error as Error).message] }
  }
}

function isOver(signal: AbortSignal): boolean {
  return signal.aborted
}
