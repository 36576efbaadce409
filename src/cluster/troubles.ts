/**
 * Why a cluster is not heard, said once: several ask one cluster, each over and over, and all of them meet the same
 * trouble. One line of the log for each sentence, and one when everybody hears the cluster again.
 */
import type { Log } from '../host/log.ts'

/** Of one who asks. */
export type Trouble = {
  say(sentence: string): void
  /** What was said last and is not over. */
  sentence(): string | undefined
  /** It is heard again. */
  end(): void
  /** Nobody asks any more: what was said stays said. */
  drop(): void
}

/** @param who asks: one of a kind for each cluster */
export type Troubles = (cluster: string, who: string) => Trouble

type Outage = {
  /** By who asks. */
  readonly current: Map<string, string>
  readonly said: Set<string>
  /** Whether somebody heard the cluster since the last line: what nobody meets any more may be said again. */
  isEasing: boolean
}

export function createTroubles(log: Pick<Log, 'warn' | 'info'>): Troubles {
  const outages = new Map<string, Outage>()

  function forgetWhatIsOver({ current, said }: Outage): void {
    const sentences = new Set(current.values())
    for (const sentence of said) if (!sentences.has(sentence)) said.delete(sentence)
  }

  return (cluster, who) => {
    const fresh: Outage = { current: new Map(), said: new Set(), isEasing: false }
    const outage = outages.get(cluster) ?? fresh
    outages.set(cluster, outage)
    const { current, said } = outage
    return {
      say(sentence) {
        current.set(who, sentence)
        if (outage.isEasing) forgetWhatIsOver(outage)
        if (said.has(sentence)) return
        said.add(sentence)
        outage.isEasing = false
        log.warn({ cluster, reason: sentence }, 'cluster cannot be asked')
      },
      sentence: () => current.get(who),
      end() {
        if (!current.delete(who)) return
        outage.isEasing = true
        forgetWhatIsOver(outage)
        if (current.size === 0) log.info({ cluster }, 'cluster is heard again')
      },
      drop: () => void current.delete(who),
    }
  }
}
