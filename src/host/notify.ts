/**
 * Telling systemd how we are (sd_notify(3)). Its socket is a Unix datagram socket, which Node cannot
 * open, so systemd's own program carries the message; the unit says `NotifyAccess=all` for that.
 */
import { runCommand } from './command.ts'

const timeoutMs = 5000

/**
 * Does nothing when systemd did not start this process, or without the program: then nobody listens.
 *
 * @param state `READY=1`, `STATUS=…`; one per line
 */
export async function notify(state: string, environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  if (environment['NOTIFY_SOCKET'] === undefined) return
  await runCommand('systemd-notify', state.split('\n'), timeoutMs, environment)
}
