/** Making HAProxy read its configuration again, and seeing that it did. */
import type { Clock } from '../../host/clock.ts'
import { runCommand } from '../../host/command.ts'
import type { HaproxyPlan, Reload } from '../../plan/haproxy/plan.ts'
import { queryHaproxy } from './runtime-api.ts'

const commandTimeoutMs = 30_000
const confirmTimeoutMs = 10_000
const confirmEveryMs = 100

/**
 * A reload that HAProxy's master process could not carry out looks fine from outside: the process before
 * runs on. So who answers on the stats socket afterwards has to be another process than before.
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
    reload.kind === 'command' ? await run(reload.command) : await tellMaster(reload.socket, clock)
  if (reason !== undefined || before === undefined) return reason
  const deadline = clock.monotonic() + confirmTimeoutMs
  while (clock.monotonic() < deadline) {
    const after = await processOf(socket, clock)
    if (after !== undefined && after !== before) return undefined
    await new Promise<void>((resolve) => clock.after(confirmEveryMs, resolve))
  }
  return `HAProxy runs on as process ${before}, and no new one within ${confirmTimeoutMs / 1000} s: its log says why`
}

/** @param command a line for a shell, as in a crontab: the operator wrote it, and nothing is put into it */
async function run(command: string): Promise<string | undefined> {
  const { kind, ending, output } = await runCommand('/bin/sh', ['-c', command], commandTimeoutMs)
  if (kind === 'done') return undefined
  return output === '' ? ending : `${ending}: ${output}`
}

/** Since 2.7 the master process says how it went: `Success=0`, `--`, and the log. Before, it says nothing. */
async function tellMaster(socket: string, clock: Clock): Promise<string | undefined> {
  const answer = await queryHaproxy(socket, 'reload', clock)
  if (answer.kind === 'unreachable') return answer.reason
  const [, log] = /^Success=0\s*(?:--)?\s*([^]*)/.exec(answer.text) ?? []
  return log === undefined ? undefined : log.trim() || 'the master process could not reload'
}

/** The id of the process that answers; nothing when none does. */
async function processOf(socket: string, clock: Clock): Promise<string | undefined> {
  const answer = await queryHaproxy(socket, 'show info', clock)
  return answer.kind === 'answer' ? /^Pid: (\d+)$/m.exec(answer.text)?.[1] : undefined
}
