/**
 * HAProxy's configuration on the disk: judged by HAProxy itself, replaced as a whole, reloaded when it
 * changed, put back when that fails. Where only membership changes, HAProxy is told and not reloaded.
 */
import { readFile, rm } from 'node:fs/promises'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import { writeAtomically } from '../../host/files.ts'
import type { Log } from '../../host/log.ts'
import type { HaproxyPlan } from '../../plan/haproxy/plan.ts'
import { renderHaproxy } from '../../plan/haproxy/render.ts'
import { queryHaproxy } from './runtime-api.ts'
import { validateConfig } from './validate.ts'
import { membershipChanges, type MembershipChange } from './draining.ts'
import { reloadHaproxy } from './reload.ts'

/**
 * `none`: the site leaves HAProxy alone. `refused`, `unwritable`: the old file is still there. `written`: the
 * site names no way to reload. `told`: HAProxy was told and needs no reload. `reload failed`: the old file is
 * there again.
 */
export const haproxyOutcomes = [
  'none',
  'unchanged',
  'written',
  'told',
  'reloaded',
  'refused',
  'unwritable',
  'reload failed',
] as const

export type HaproxyOutcome = (typeof haproxyOutcomes)[number]

export type Applied = {
  readonly outcome: HaproxyOutcome
  /** Why it went wrong. */
  readonly reason?: string
}

/** Whether HAProxy was left with what it had before. */
export function hasFailed({ outcome }: Applied): boolean {
  return outcome === 'refused' || outcome === 'unwritable' || outcome === 'reload failed'
}

export type ApplyContext = {
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** What judges a configuration; `haproxy` from the PATH when absent. */
  readonly program?: string
  /** Whether HAProxy was seen to run with another file than the one that is there: then it is reloaded in any case. */
  readonly isBehind?: boolean
}

/**
 * Never rejects; what went wrong is the outcome, an error line and a count. One at a time for each file.
 *
 * @param out keys of nodes that are to get no new connections
 */
export async function applyHaproxy(
  plan: HaproxyPlan,
  out: ReadonlySet<string>,
  context: ApplyContext,
): Promise<Applied> {
  const { file } = plan
  const { log, counters, program, isBehind = false } = context
  const text = renderHaproxy(plan, out)
  const old = await readFile(file, 'utf8').catch(() => undefined)
  if (old === text) {
    if (!isBehind || plan.reload === undefined) return { outcome: 'unchanged' }
    return reload(plan, plan.reload, old, context)
  }
  const verdict = await validateConfig(text, plan, program)
  if (verdict.kind === 'failed') {
    const { reason } = verdict
    counters.increment('haproxy.refused')
    log.error({ file, reason }, 'haproxy refuses the new configuration, the old file stays')
    return { outcome: 'refused', reason }
  }
  try {
    await writeAtomically(file, text)
  } catch (error) {
    const reason = (error as Error).message
    counters.increment('haproxy.unwritable')
    log.error({ file, reason }, 'haproxy configuration not written')
    return { outcome: 'unwritable', reason }
  }
  counters.increment('haproxy.written')
  log.info({ file, octets: Buffer.byteLength(text) }, 'haproxy configuration written')
  if (verdict.kind === 'missing') {
    log.warn({ file }, 'haproxy is not installed here, so nothing checked its configuration')
  }
  const changes = old === undefined ? undefined : membershipChanges(old, text)
  if (changes !== undefined && (await tell(plan, changes, context))) return { outcome: 'told' }
  return plan.reload === undefined ? { outcome: 'written' } : reload(plan, plan.reload, old, context)
}

/** @returns whether HAProxy now does what its file says */
async function tell(
  { socket }: HaproxyPlan,
  changes: readonly MembershipChange[],
  { log, counters, clock }: ApplyContext,
): Promise<boolean> {
  for (const { backend, server, isOut } of changes) {
    // Drained first: what is connected may end. The balancer sees it through (balancer.ts).
    const question = `set server ${backend}/${server} state ${isOut ? 'drain' : 'ready'}`
    const answer = await queryHaproxy(socket, question, clock)
    const reason = answer.kind === 'answer' ? answer.text.trim() : answer.reason
    if (reason !== '') {
      log.info({ backend, server, reason }, 'haproxy cannot be told, it is reloaded instead')
      return false
    }
    counters.increment('haproxy.told')
    log.info({ backend, server }, isOut ? 'server taken out of haproxy' : 'server put back into haproxy')
  }
  return true
}

async function reload(
  plan: HaproxyPlan,
  by: NonNullable<HaproxyPlan['reload']>,
  old: string | undefined,
  { log, counters, clock }: ApplyContext,
): Promise<Applied> {
  const { file } = plan
  const facts = by.kind === 'command' ? { file, command: by.command } : { file, socket: by.socket }
  const reason = await reloadHaproxy(by, plan, clock)
  if (reason === undefined) {
    counters.increment('haproxy.reloads')
    log.info(facts, 'haproxy reloaded')
    return { outcome: 'reloaded' }
  }
  counters.increment('haproxy.reloadsFailed')
  log.error({ ...facts, reason }, 'haproxy not reloaded, its old file is put back')
  try {
    if (old === undefined) await rm(file, { force: true })
    else await writeAtomically(file, old)
    // What failed may have ended HAProxy, or its master process waits for a configuration that it can use.
    if (old !== undefined || plan.with.length > 0) await reloadHaproxy(by, plan, clock)
  } catch (error) {
    log.error({ file, reason: (error as Error).message }, 'the old file of haproxy is not put back')
  }
  return { outcome: 'reload failed', reason }
}
