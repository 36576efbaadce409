/**
 * Limits how many lines of one kind the log gets, so that a flood of requests does not displace other lines: journald
 * drops the lines of a service that writes too many. Omitted lines are counted and reported.
 */
import type { Clock } from './clock.ts'

export type LogLimit = {
  /** Returns whether a line with this message, about this subject (a node), is written. */
  admits(message: string, subject: string | undefined): boolean
  /** Returns the messages whose lines were omitted since the last call, with the number of lines. */
  takeOmitted(): ReadonlyMap<string, number>
}

/** For all lines with one message: enough for a thousand nodes that boot together. */
const ofMessage = { burst: 3000, perSecond: 50 }
/** For the lines about one node with one message. */
const ofSubject = { burst: 60, perSecond: 1 }
const maxBuckets = 4096

type Bucket = { tokens: number; at: number }

export function createLogLimit(clock: Clock): LogLimit {
  const buckets = new Map<string, Bucket>()
  let omitted = new Map<string, number>()

  function takes(key: string, { burst, perSecond }: typeof ofMessage, now: number): boolean {
    let bucket = buckets.get(key)
    if (bucket === undefined) {
      const [oldest] = buckets.keys()
      if (buckets.size >= maxBuckets && oldest !== undefined) buckets.delete(oldest)
      bucket = { tokens: burst, at: now }
      buckets.set(key, bucket)
    }
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perSecond) / 1000)
    bucket.at = now
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }

  return {
    admits(message, subject) {
      const now = clock.monotonic()
      const isAdmitted =
        (subject === undefined || takes(`${subject}\0${message}`, ofSubject, now)) &&
        takes(message, ofMessage, now)
      if (!isAdmitted) omitted.set(message, (omitted.get(message) ?? 0) + 1)
      return isAdmitted
    },
    takeOmitted() {
      const taken = omitted
      omitted = new Map()
      return taken
    },
  }
}
