/**
 * Applies a HAProxy configuration: validates it with HAProxy, replaces the file, reloads HAProxy, and restores the
 * previous file when that fails. Changes of server states only go through the Runtime API, without a reload.
 */
import { readFile, rm } from 'node:fs/promises'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import { writeAtomically } from '../../host/files.ts'
import type { Log } from '../../host/log.ts'
import type { HaproxyPlan } from '../../plan/haproxy/plan.ts'
import { renderHaproxy } from '../../plan/haproxy/render.ts'
import type { HaproxyCode } from './codes.ts'
import { membershipChanges, type MembershipChange } from './draining.ts'
import { reloadHaproxy } from './reload.ts'
import { queryHaproxy } from './runtime-api.ts'
import { validateConfig } from './validate.ts'

/**
 * `none`: the site does not configure HAProxy. `refused`, `unwritable`: the previous file is in place. `written`: the
 * site does not configure a reload. `told`: updated through the Runtime API. `reload failed`: the previous file was
 * restored.
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
  readonly code?: HaproxyCode
  /** Why it failed. */
  readonly reason?: string
}

/** Whether HAProxy still has its previous configuration. */
export function hasFailed({ outcome }: Applied): boolean {
  return outcome === 'refused' || outcome === 'unwritable' || outcome === 'reload failed'
}

export type ApplyContext = {
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** The program that validates a configuration; `haproxy` from the PATH when absent. */
  readonly program?: string
  /** Whether HAProxy runs a configuration that differs from its file: then it is reloaded in any case. */
  readonly isBehind?: boolean
}

/**
 * Never rejects: a failure is an outcome, an error line, and a count. Call it once at a time for each file.
 *
 * @param out keys of nodes that get no new connections
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
  const result = await validateConfig(text, plan, program)
  if (result.kind === 'failed') {
    const { reason } = result
    const code: HaproxyCode = 'haproxy.config-rejected'
    counters.increment('haproxy.refused')
    counters.refuse(code)
    log.error({ file, code, reason }, 'HAProxy configuration rejected')
    return { outcome: 'refused', code, reason }
  }
  try {
    await writeAtomically(file, text)
  } catch (error) {
    const reason = (error as Error).message
    const code: HaproxyCode = 'haproxy.file-not-writable'
    counters.increment('haproxy.unwritable')
    log.error({ file, code, reason }, 'HAProxy configuration not written')
    return { outcome: 'unwritable', code, reason }
  }
  counters.increment('haproxy.written')
  log.info({ file, octets: Buffer.byteLength(text) }, 'HAProxy configuration written')
  if (result.kind === 'missing') {
    const code: HaproxyCode = 'haproxy.not-validated'
    log.warn({ file, code }, 'HAProxy not installed, configuration not validated')
  }
  const changes = old === undefined ? undefined : membershipChanges(old, text)
  if (changes !== undefined && (await update(plan, changes, context))) return { outcome: 'told' }
  return plan.reload === undefined ? { outcome: 'written' } : reload(plan, plan.reload, old, context)
}

/** @returns whether HAProxy now has the state of its file */
async function update(
  { socket }: HaproxyPlan,
  changes: readonly MembershipChange[],
  { log, counters, clock }: ApplyContext,
): Promise<boolean> {
  for (const { backend, server, isOut } of changes) {
    // DRAIN lets existing connections end; the balancer then sets MAINT (balancer.ts).
    const command = `set server ${backend}/${server} state ${isOut ? 'drain' : 'ready'}`
    const reply = await queryHaproxy(socket, command, clock)
    const reason = reply.kind === 'answer' ? reply.text.trim() : reply.reason
    if (reason !== '') {
      log.info({ backend, server, reason }, 'HAProxy runtime update failed, reloading')
      return false
    }
    counters.increment('haproxy.told')
    log.info({ backend, server }, isOut ? 'server drained' : 'server enabled')
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
    log.info(facts, 'HAProxy reloaded')
    return { outcome: 'reloaded' }
  }
  counters.increment('haproxy.reloadsFailed')
  const code: HaproxyCode = 'haproxy.reload-failed'
  log.error({ ...facts, code, reason }, 'HAProxy reload failed, previous file restored')
  try {
    if (old === undefined) await rm(file, { force: true })
    else await writeAtomically(file, old)
    // The failed reload may have ended HAProxy, or its master process waits for a valid configuration.
    if (old !== undefined || plan.with.length > 0) await reloadHaproxy(by, plan, clock)
  } catch (error) {
    const facts = { file, code: 'haproxy.restore-failed' satisfies HaproxyCode }
    log.error({ ...facts, reason: (error as Error).message }, 'restoring the previous HAProxy file failed')
  }
  return { outcome: 'reload failed', code, reason }
}
