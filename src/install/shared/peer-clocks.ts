/**
 * Moments of other appliances on our monotonic clock, so that a duration can span two appliances. Each appliance
 * publishes its clock every few seconds; the message with the shortest delay gives the difference. Wall clocks are not
 * compared. Pure.
 */
import type { Moment } from '../../host/clock.ts'

export type PeerClocks = {
  /** Takes a published clock of another appliance. @param tick when it arrived, on our monotonic clock */
  sample(published: Pick<Moment, 'tick' | 'epoch'>, tick: number): void
  /** Returns a moment on our clock; unchanged if the difference is not known. */
  readonly toOurs: (moment: Moment) => Moment
}

/** Messages that a process received late, after a pause, come in a row; the last of them is recent. */
const enoughSamples = 3
const maxSamples = 20
const maxPeers = 50
/** Added to every duration, so that it is not shorter than it was. */
const marginMs = 1000

/** @param epoch of our own moments */
export function createPeerClocks(epoch: string): PeerClocks {
  const differences = new Map<string, number[]>()

  return {
    sample(published, tick) {
      if (published.epoch === epoch) return
      const known = differences.get(published.epoch) ?? []
      // The delay only makes a difference larger.
      differences.set(published.epoch, [...known, tick - published.tick].slice(-maxSamples))
      const [oldest] = differences.keys()
      if (differences.size > maxPeers && oldest !== undefined) differences.delete(oldest)
    },
    toOurs(moment) {
      const known = differences.get(moment.epoch)
      if (known === undefined || known.length < enoughSamples) return moment
      return { at: moment.at, tick: moment.tick + Math.min(...known) - marginMs, epoch }
    },
  }
}
