/** Runs checks, each with a time limit, and prints a line for each. A failed check does not stop the others. */
import type { Rig } from './rig.ts'

export type Check = {
  /** Starts with the group: `dns: …`. */
  readonly name: string
  /** Time limit in milliseconds; 30 s if absent. */
  readonly limitMs?: number
  /**
   * @returns facts to print after the name
   * @throws {Unexpected} if an expectation fails
   */
  run(rig: Rig): Promise<string | undefined>
}

/** Lanes run in parallel, the checks of a lane in sequence. */
export type Stage = readonly (readonly Check[])[]

export type CheckResult = { readonly name: string; readonly failure?: string }

/** @param interrupted when aborted, no further check starts, and failures of running checks are not printed */
export async function runStage(stage: Stage, rig: Rig, interrupted: AbortSignal): Promise<CheckResult[]> {
  const lanes = await Promise.all(stage.map((lane) => runLane(lane, rig, interrupted)))
  return lanes.flat()
}

async function runLane(lane: readonly Check[], rig: Rig, interrupted: AbortSignal): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  for (const check of lane) {
    if (!interrupted.aborted) results.push(await runCheck(check, rig, interrupted))
  }
  return results
}

async function runCheck(check: Check, rig: Rig, interrupted: AbortSignal): Promise<CheckResult> {
  const startedAt = performance.now()
  const duration = (): string => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`.padStart(7)
  try {
    const note = await within(check.limitMs ?? 30_000, check.run(rig))
    console.log(`ok     ${duration()}  ${check.name}${note === undefined ? '' : `  (${note})`}`)
    return { name: check.name }
  } catch (error) {
    const { name, message, stack } = error as Error
    // The message of an Unexpected is complete. Any other error is a bug in the test, so the stack matters.
    const report = name === 'Unexpected' ? message : (stack ?? message)
    const failure = message.split('\n')[0] ?? ''
    if (interrupted.aborted) return { name: check.name, failure }
    console.log(`NOT OK ${duration()}  ${check.name}\n${indent(report)}`)
    console.log(indent(`last lines of slipway's log:\n${rig.server.tail(12)}`))
    return { name: check.name, failure }
  }
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const timeout = Promise.withResolvers<never>()
  const limit = setTimeout(() => {
    timeout.reject(new Error(`not finished after ${limitMs / 1000} s`))
  }, limitMs)
  try {
    return await Promise.race([work, timeout.promise])
  } finally {
    clearTimeout(limit)
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ')
}
