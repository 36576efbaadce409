/**
 * Notifies systemd of the service's state (sd_notify(3)). Node cannot open Unix datagram sockets, so `systemd-notify`
 * sends the message, and the unit needs `NotifyAccess=all`.
 */
import { runCommand } from './command.ts'

const timeoutMs = 5000

/**
 * Sends a notification. Does nothing when systemd did not start this process, or `systemd-notify` is not installed.
 *
 * @param state assignments such as `READY=1` or `STATUS=…`, one per line
 */
export async function notify(state: string, environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  if (environment['NOTIFY_SOCKET'] === undefined) return
  await runCommand('systemd-notify', state.split('\n'), timeoutMs, environment)
}
