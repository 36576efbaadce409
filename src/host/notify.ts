/**
 * Notifies systemd of the service's state (sd_notify(3)). Node cannot open Unix datagram sockets, so `systemd-notify`
 * sends the message, and the unit needs `NotifyAccess=all`.
 */
import type { Clock, Timer } from './clock.ts'
import { runCommand } from './command.ts'

const timeoutMs = 5000

/**
 * Sends a notification. Does nothing when systemd did not start this process, or `systemd-notify` is not installed.
 *
 * @param state assignments such as `READY=1` or `STATUS=…`, one per line
 */
export async function notify(state: string, environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  if (environment['NOTIFY_SOCKET'] === undefined) return
  await runCommand('systemd-notify', state.split('\n'), timeoutMs, { environment })
}

/**
 * Reports to systemd's watchdog (WatchdogSec=) twice in its interval. The timer belongs to the event loop: when that
 * hangs, the reports end, and systemd restarts the process.
 *
 * @returns a function that ends the reports
 */
export function startWatchdog(
  clock: Clock,
  environment: NodeJS.ProcessEnv = process.env,
  report: () => Promise<void> = () => notify('WATCHDOG=1', environment),
): () => void {
  const intervalMs = Number(environment['WATCHDOG_USEC']) / 1000 / 2
  const isForUs = (environment['WATCHDOG_PID'] ?? String(process.pid)) === String(process.pid)
  if (!(intervalMs > 0) || !isForUs) return () => {}
  let timer: Timer
  const next = (): void => {
    void report()
    timer = clock.after(intervalMs, next)
  }
  next()
  return () => timer.cancel()
}
