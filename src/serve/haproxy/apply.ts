/**
 * Applies a HAProxy configuration: validates it with HAProxy, replaces the file, reloads HAProxy, and restores the
 * previous file when that fails. Changes of server states only go through the Runtime API, without a reload.
 */
import { readFile, rm, mkdtemp, readdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import { writeAtomically, isRunning } from '../../host/files.ts'
import type { Log } from '../../host/log.ts'
import type { HaproxyPlan, Reload } from '../../plan/haproxy/plan.ts'
import { fileModeOf, renderHaproxy } from '../../plan/haproxy/render.ts'
import { runCommand, type CommandResult } from '../../host/command.ts'
import type { HaproxyCode } from './codes.ts'
import { membershipChanges, type MembershipChange } from './draining.ts'
import { queryHaproxy } from './runtime-api.ts'

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
    await writeAtomically(file, text, fileModeOf(text))
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
  // HAProxy has never run with this file, and an administrator can only start it with the file.
  const isFirst = old === undefined && plan.with.length === 0
  if (isFirst && !(await isHaproxyRunning(by, plan, clock))) {
    log.warn({ ...facts, code, reason }, 'HAProxy not running, start it with the new configuration')
    return { outcome: 'written' }
  }
  log.error({ ...facts, code, reason }, 'HAProxy reload failed, previous file restored')
  try {
    if (old === undefined) await rm(file, { force: true })
    else await writeAtomically(file, old, fileModeOf(old))
    // The failed reload may have ended HAProxy, or its master process waits for a valid configuration.
    if (old !== undefined || plan.with.length > 0) await reloadHaproxy(by, plan, clock)
  } catch (error) {
    const facts = { file, code: 'haproxy.restore-failed' satisfies HaproxyCode }
    log.error({ ...facts, reason: (error as Error).message }, 'restoring the previous HAProxy file failed')
  }
  return { outcome: 'reload failed', code, reason }
}

// Reloads HAProxy and verifies that a new process answers.

const commandTimeoutMs = 30_000
const confirmTimeoutMs = 10_000
const confirmEveryMs = 100

/**
 * A failed reload of the master process is not visible from outside: the previous process continues. So another process
 * than before must answer on the stats socket.
 *
 * @returns why it failed, or nothing
 */
async function reloadHaproxy(
  reload: Reload,
  { socket }: Pick<HaproxyPlan, 'socket'>,
  clock: Clock,
): Promise<string | undefined> {
  const before = await processOf(socket, clock)
  const reason =
    reload.kind === 'command' ? await run(reload.command) : await reloadMaster(reload.socket, clock)
  if (reason !== undefined || before === undefined) return reason
  const deadline = clock.monotonic() + confirmTimeoutMs
  while (clock.monotonic() < deadline) {
    const after = await processOf(socket, clock)
    if (after !== undefined && after !== before) return undefined
    await new Promise<void>((resolve) => clock.after(confirmEveryMs, resolve))
  }
  return `process ${before} of HAProxy is still running, and no new one started within ${confirmTimeoutMs / 1000} s: read the log of HAProxy`
}

/** @param command the shell command of the site file; nothing is inserted into it */
async function run(command: string): Promise<string | undefined> {
  const { kind, ending, output } = await runCommand('/bin/sh', ['-c', command], commandTimeoutMs)
  if (kind === 'done') return undefined
  return output === '' ? ending : `${ending}: ${output}`
}

/** From 2.7 on, the master process replies with `Success=0`, `--`, and the log. Earlier versions do not reply. */
async function reloadMaster(socket: string, clock: Clock): Promise<string | undefined> {
  const reply = await queryHaproxy(socket, 'reload', clock)
  if (reply.kind === 'unreachable') return reply.reason
  const [, log] = /^Success=0\s*(?:--)?\s*([^]*)/.exec(reply.text) ?? []
  return log === undefined ? undefined : log.trim() || 'the master process could not reload'
}

/** Whether a process of HAProxy, or its master process, answers. */
async function isHaproxyRunning(
  reload: Reload,
  { socket }: Pick<HaproxyPlan, 'socket'>,
  clock: Clock,
): Promise<boolean> {
  if ((await processOf(socket, clock)) !== undefined) return true
  return reload.kind === 'master' && (await queryHaproxy(reload.socket, 'show proc', clock)).kind === 'answer'
}

/** Returns the id of the process that answers, if any. */
async function processOf(socket: string, clock: Clock): Promise<string | undefined> {
  const reply = await queryHaproxy(socket, 'show info', clock)
  return reply.kind === 'answer' ? /^Pid: (\d+)$/m.exec(reply.text)?.[1] : undefined
}

// Validates a configuration with `haproxy -c` before it replaces the file.

export type ConfigCheck = Pick<CommandResult, 'kind'> & { readonly reason: string }

/** The target of the text, and the other files of the configuration. */
type Target = Pick<HaproxyPlan, 'file' | 'with'>

const timeoutMs = 10_000

/**
 * Never rejects.
 *
 * @param plan names the other files of the configuration, if there are any
 * @param program HAProxy, by name or by path
 * @returns `missing` where it is not installed; `failed` with HAProxy's error as the `reason`
 */
export function validateConfig(text: string, plan: Target, program = 'haproxy'): Promise<ConfigCheck> {
  // The other files may be unreadable.
  return validate(text, plan, program).catch((error: unknown) => ({
    kind: 'failed',
    reason: (error as Error).message,
  }))
}

const temporaryPrefix = 'slipway-haproxy-'

/** Removes the directories of processes that were killed while they validated a file. */
async function removeOfKilled(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(temporaryPrefix))
  for (const name of names) {
    const pid = Number(/^\d+/.exec(name.slice(temporaryPrefix.length))?.[0])
    if (pid > 0 && !isRunning(pid)) await rm(join(tmpdir(), name), { recursive: true, force: true })
  }
}

async function validate(text: string, plan: Target, program: string): Promise<ConfigCheck> {
  await removeOfKilled()
  const directory = await mkdtemp(join(tmpdir(), `${temporaryPrefix}${process.pid}-`))
  try {
    const candidate = join(directory, basename(plan.file))
    await writeFile(candidate, text)
    const files = await filesWith(plan, candidate)
    const options = ['-c', ...files.flatMap((file) => ['-f', file])]
    // As the service of HAProxy. It returns to its directory, which can be that of another user.
    const { kind, ending, output } = await runCommand(program, options, timeoutMs, { directory: '/' })
    return { kind, reason: alerts(output.replaceAll(`${directory}/`, '')) || ending }
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** Returns the files that HAProxy reads, with the candidate in place of its target. */
async function filesWith(plan: Target, candidate: string): Promise<string[]> {
  if (plan.with.length === 0) return [candidate]
  const files: string[] = []
  for (const path of plan.with) {
    const isFolder = path !== plan.file && (await stat(path)).isDirectory()
    files.push(...(isFolder ? await filesOf(path, plan.file) : [path]))
  }
  return files.map((file) => (file === plan.file ? candidate : file))
}

/** As HAProxy does: names that end in `.cfg` and do not start with a dot, in byte order. */
async function filesOf(folder: string, ours: string): Promise<string[]> {
  const paths = (await readdir(folder))
    .filter((name) => name.endsWith('.cfg') && !name.startsWith('.'))
    .map((name) => join(folder, name))
  const all = ours.startsWith(`${folder}/`) ? [...new Set([...paths, ours])] : paths
  return all.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/** Returns the alerts of HAProxy without the notices around them. */
function alerts(output: string): string {
  return output
    .split('\n')
    .filter((line) => line.startsWith('[ALERT]'))
    .map((line) => line.replace(/^\[ALERT\]\s*\(\d+\) : /, ''))
    .join('; ')
}
