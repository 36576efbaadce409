/** Logs why certificate requests stay pending: a few with a line for each, and a burst with one line and a count. */
import type { Clock, Timer } from '../../host/clock.ts'
import type { Log } from '../../host/log.ts'
import type { Csr } from './object.ts'
import type { Pending } from './policy.ts'

export type PendingLog = {
  add(csr: Csr, pending: Pending): void
  /** Logs the remaining requests. */
  close(): void
}

/** Requests that arrive within this time are logged together. */
const burstMs = 1000
/** The interval while one burst follows another. */
const laterMs = 30_000
/** Up to this number, each request has a line: enough for the nodes of a small cluster. */
const maxLines = 10

export function createPendingLog(cluster: string, clock: Clock, log: Pick<Log, 'info'>): PendingLog {
  const waiting: { readonly csr: Csr; readonly pending: Pending }[] = []
  let timer: Timer | undefined
  let delayMs = burstMs

  function flush(): void {
    timer?.cancel()
    timer = undefined
    const burst = waiting.splice(0)
    delayMs = burst.length > maxLines ? laterMs : burstMs
    if (burst.length <= maxLines) {
      for (const { csr, pending } of burst) {
        const { name, signerName: signer, username: requestor } = csr
        const { code, reason } = pending
        log.info({ cluster, csr: name, signer, requestor, code, reason }, 'certificate request pending')
      }
      return
    }
    const codes = new Map<string, number>()
    for (const { pending } of burst) codes.set(pending.code, (codes.get(pending.code) ?? 0) + 1)
    const count = burst.length
    log.info({ cluster, count, codes: Object.fromEntries(codes) }, 'certificate requests pending')
  }

  return {
    add(csr, pending) {
      waiting.push({ csr, pending })
      timer ??= clock.after(delayMs, flush)
    },
    close() {
      if (waiting.length > 0) flush()
    },
  }
}
