/** Runs checks, each within its own time, and prints a line for each; one that fails does not stop the others. */
import type { Rig } from './rig.ts'

export type Check = {
  /** Begins with its group: `dns: …`. */
  readonly name: string
  /** How long it may take at most; 30 s when absent. */
  readonly limitMs?: number
  /**
   * @returns what a person may want to know, shown beside the name
   * @throws {Unexpected} when something is not as it should be
   */
  run(rig: Rig): Promise<string | undefined>
}

/** Lanes run beside each other, the checks of a lane one after the other. */
export type Stage = readonly (readonly Check[])[]

export type Verdict = { readonly name: string; readonly failure?: string }

/** @param interrupted once it is, no more checks begin and what is under way fails in silence */
export async function runStage(stage: Stage, rig: Rig, interrupted: AbortSignal): Promise<Verdict[]> {
  const lanes = await Promise.all(stage.map((lane) => runLane(lane, rig, interrupted)))
  return lanes.flat()
}

async function runLane(lane: readonly Check[], rig: Rig, interrupted: AbortSignal): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  for (const check of lane) {
    if (!interrupted.aborted) verdicts.push(await runCheck(check, rig, interrupted))
  }
  return verdicts
}

async function runCheck(check: Check, rig: Rig, interrupted: AbortSignal): Promise<Verdict> {
  const startedAt = performance.now()
  const took = (): string => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`.padStart(7)
  try {
    const note = await within(check.limitMs ?? 30_000, check.run(rig))
    console.log(`ok     ${took()}  ${check.name}${note === undefined ? '' : `  (${note})`}`)
    return { name: check.name }
  } catch (error) {
    const { name, message, stack } = error as Error
    // An Unexpected says it all; anything else is a fault of the test and its place matters.
    const report = name === 'Unexpected' ? message : (stack ?? message)
    const failure = message.split('\n')[0] ?? ''
    if (interrupted.aborted) return { name: check.name, failure }
    console.log(`NOT OK ${took()}  ${check.name}\n${indent(report)}`)
    console.log(indent(`slipway's log ended with:\n${rig.server.tail(12)}`))
    return { name: check.name, failure }
  }
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const limit = setTimeout(() => {
    late.reject(new Error(`not finished after ${limitMs / 1000} s`))
  }, limitMs)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(limit)
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ')
}
