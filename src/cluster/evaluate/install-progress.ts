/** The progress of an installation through its stages, in a form that survives restarts. Pure. */
import { z } from 'zod'

/** Times are milliseconds since 1970. `under-way` is a published name. */
export const installProgressShape = z.record(
  z.string(),
  z.object({
    state: z.enum(['under-way', 'reached']),
    /** When it was first seen in progress; absent if it was reached before slipway looked. */
    since: z.number().exactOptional(),
    reachedAt: z.number().exactOptional(),
    note: z.string().exactOptional(),
  }),
)

/** Stages by name; a stage that was not seen yet is absent. */
export type InstallProgress = Readonly<z.output<typeof installProgressShape>>

/** The part of a stage that decides when it is evaluated. */
export type StageOrder = {
  readonly name: string
  /** The stage that has to be reached first; undefined for the first one, the API. */
  readonly after: string | undefined
}

/** The progress of an installation that starts now. */
export function startedProgress(now: number): InstallProgress {
  return { API: { state: 'under-way', since: now } }
}

export function isReached(progress: InstallProgress, name: string): boolean {
  return progress[name]?.state === 'reached'
}

/** Whether a stage can be evaluated: the one before it is reached. */
export function isInTurn(progress: InstallProgress, { after }: StageOrder): boolean {
  return after === undefined || isReached(progress, after)
}

export function startStage(progress: InstallProgress, { name }: StageOrder, now: number): InstallProgress {
  return progress[name] === undefined ? { ...progress, [name]: { state: 'under-way', since: now } } : progress
}

/**
 * A stage that was never seen in progress was reached at an unknown time, before slipway looked. If the time is known,
 * the stages that follow have been in progress since then.
 */
export function reachStage(
  progress: InstallProgress,
  { name }: StageOrder,
  options: {
    readonly now: number
    readonly note?: string | undefined
    readonly stages: readonly StageOrder[]
  },
): InstallProgress {
  const { now, note, stages } = options
  const since = progress[name]?.since
  const times = since === undefined ? {} : { since, reachedAt: now }
  const reached: InstallProgress = {
    ...progress,
    [name]: { state: 'reached', ...times, ...(note !== undefined && { note }) },
  }
  if (since === undefined) return reached
  return stages
    .filter(({ after }) => after === name)
    .reduce((next, stage) => startStage(next, stage, now), reached)
}
