/** Reloads HAProxy and verifies that a new process answers. */
import type { Clock } from '../../host/clock.ts'
import { runCommand } from '../../host/command.ts'
import type { HaproxyPlan, Reload } from '../../plan/haproxy/plan.ts'
import { queryHaproxy } from './runtime-api.ts'

const commandTimeoutMs = 30_000
const confirmTimeoutMs = 10_000
const confirmEveryMs = 100

/**
 * A failed reload of the master process is not visible from outside: the previous process continues. So another process
 * than before must answer on the stats socket.
 *
 * @returns why it failed, or nothing
 */
export async function reloadHaproxy(
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
  return `process ${before} of HAProxy still runs, and no new one started within ${confirmTimeoutMs / 1000} s: read the log of HAProxy`
}

/** @param command the shell command of the site file; nothing is inserted into it */
async function run(command: string): Promise<string | undefined> {
  const { kind, ending, output } = await runCommand('/bin/sh', ['-c', command], commandTimeoutMs)
  if (kind === 'done') return undefined
  return output === '' ? ending : `${ending}: ${output}`
}

/** Since 2.7 the master process replies with the result: `Success=0`, `--`, and the log. Earlier versions reply nothing. */
async function reloadMaster(socket: string, clock: Clock): Promise<string | undefined> {
  const reply = await queryHaproxy(socket, 'reload', clock)
  if (reply.kind === 'unreachable') return reply.reason
  const [, log] = /^Success=0\s*(?:--)?\s*([^]*)/.exec(reply.text) ?? []
  return log === undefined ? undefined : log.trim() || 'the master process could not reload'
}

/** Returns the id of the process that answers, if any. */
async function processOf(socket: string, clock: Clock): Promise<string | undefined> {
  const reply = await queryHaproxy(socket, 'show info', clock)
  return reply.kind === 'answer' ? /^Pid: (\d+)$/m.exec(reply.text)?.[1] : undefined
}
