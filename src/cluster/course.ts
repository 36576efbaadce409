/** How far a cluster has come, stage after stage, as it is kept over restarts. Pure. */
import { z } from 'zod'
import type { Stage } from './stages.ts'

/** Times in milliseconds since 1970. */
export const courseShape = z.record(
  z.string(),
  z.object({
    state: z.enum(['under-way', 'reached']),
    /** When it was first seen under way; absent when it was reached at the first look. */
    since: z.number().exactOptional(),
    reachedAt: z.number().exactOptional(),
    note: z.string().exactOptional(),
  }),
)

/** By the stage's name; none of a stage that nothing is known of. */
export type Course = Readonly<z.output<typeof courseShape>>

/** Of an installation that begins now. */
export function begunCourse(now: number): Course {
  return { API: { state: 'under-way', since: now } }
}

export function isReached(course: Course, name: string): boolean {
  return course[name]?.state === 'reached'
}

/** Whether a stage can be looked at: what comes before it is reached. */
export function isInTurn(course: Course, { look, after = 'API' }: Stage): boolean {
  return look === undefined || isReached(course, after)
}

export function underWay(course: Course, { name }: Stage, now: number): Course {
  return course[name] === undefined ? { ...course, [name]: { state: 'under-way', since: now } } : course
}

/**
 * A stage that was never seen under way was reached before anybody looked, nobody knows when. What is in turn after
 * one whose time is known has been under way from then on.
 */
export function reach(
  course: Course,
  stage: Stage,
  { now, note, stages }: { readonly now: number; readonly note?: string; readonly stages: readonly Stage[] },
): Course {
  const since = course[stage.name]?.since
  const times = since === undefined ? {} : { since, reachedAt: now }
  const reached = {
    ...course,
    [stage.name]: { state: 'reached', ...times, ...(note !== undefined && { note }) },
  } as const
  if (since === undefined) return reached
  return stages
    .filter((each) => each.look !== undefined && (each.after ?? 'API') === stage.name)
    .reduce<Course>((next, each) => underWay(next, each, now), reached)
}
