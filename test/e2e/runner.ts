/** Runs checks, each with a time limit, and prints a line for each. A failed check does not stop the others. */
import type { Namespaces } from './namespaces.ts'
import type { Rig } from './rig.ts'
import type { Server } from './server.ts'

/** @typeParam R the environment of the check */
export type Check<R = Rig> = {
  /** Starts with the group: `dns: …`. */
  readonly name: string
  /** Time limit in milliseconds; 30 s if absent. */
  readonly limitMs?: number
  /**
   * @returns facts to print after the name
   * @throws {Unexpected} if an expectation fails
   */
  run(rig: R): Promise<string | undefined>
}

/** Lanes run in parallel, the checks of a lane in sequence. */
export type Stage<R = Rig> = readonly (readonly Check<R>[])[]

/** What the runner needs of the environment of checks. @typeParam Name the namespaces of its network */
export type Environment<Name extends string = never> = {
  /** Absent if the checks run without slipway. */
  readonly server?: Pick<Server, 'tail'>
  readonly network: Pick<Namespaces<Name>, 'inside'>
  close(): Promise<void>
}

export type CheckResult = { readonly name: string; readonly failure?: string }

/** @param interrupted when aborted, no further check starts, and failures of running checks are not printed */
export async function runStage<R extends Environment>(
  stage: Stage<R>,
  rig: R,
  interrupted: AbortSignal,
): Promise<CheckResult[]> {
  const lanes = await Promise.all(stage.map((lane) => runLane(lane, rig, interrupted)))
  return lanes.flat()
}

async function runLane<R extends Environment>(
  lane: readonly Check<R>[],
  rig: R,
  interrupted: AbortSignal,
): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  for (const check of lane) {
    if (!interrupted.aborted) results.push(await runCheck(check, rig, interrupted))
  }
  return results
}

async function runCheck<R extends Environment>(
  check: Check<R>,
  rig: R,
  interrupted: AbortSignal,
): Promise<CheckResult> {
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
    if (rig.server !== undefined) console.log(indent(`last lines of slipway's log:\n${rig.server.tail(12)}`))
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
