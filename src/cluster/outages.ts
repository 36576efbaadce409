/**
 * Why a cluster cannot be reached, in one place for everything that is read from it. All collections of a cluster fail
 * for the same reason, so the log gets one line for each reason, and one line when everything is reachable again.
 */
import type { Clock } from '../host/clock.ts'
import type { Log } from '../host/log.ts'

/** `sinceMs` is of the monotonic clock. */
export type Outage = { readonly sentence: string; readonly sinceMs: number }

export type Outages = {
  /** @param source what cannot be read: a path */
  report(source: string, sentence: string): void
  /** The source is reachable. */
  end(source: string): void
  /** The source is no longer read. */
  drop(source: string): void
  /** The outage of a source, or the first one of the cluster. */
  get(source?: string): Outage | undefined
}

export function createOutages(cluster: string, clock: Clock, log: Pick<Log, 'warn' | 'info'>): Outages {
  const bySource = new Map<string, Outage>()
  const logged = new Set<string>()
  /** Whether a source became reachable since the last line: a reason that no source has may be logged again. */
  let isEasing = false

  function forgetEnded(): void {
    const current = new Set([...bySource.values()].map(({ sentence }) => sentence))
    for (const sentence of logged) if (!current.has(sentence)) logged.delete(sentence)
  }

  return {
    report(source, sentence) {
      const sinceMs = bySource.get(source)?.sinceMs ?? clock.monotonic()
      bySource.set(source, { sentence, sinceMs })
      if (isEasing) forgetEnded()
      if (logged.has(sentence)) return
      logged.add(sentence)
      isEasing = false
      log.warn({ cluster, reason: sentence }, 'cluster API unreachable')
    },
    end(source) {
      if (!bySource.delete(source)) return
      isEasing = true
      forgetEnded()
      if (bySource.size === 0) log.info({ cluster }, 'cluster API reachable again')
    },
    drop: (source) => void bySource.delete(source),
    get: (source) => (source === undefined ? [...bySource.values()][0] : bySource.get(source)),
  }
}
