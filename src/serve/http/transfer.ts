/** What became of an answer: how long it took, and how much of it the peer was really sent. */
import { finished } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Clock } from '../../host/clock.ts'

export type Outcome = {
  /** Of the body, handed to the system for the peer. */
  readonly octets: number
  readonly durationMs: number
  /** The peer went away, or the file ended before its time; absent from the log otherwise. */
  readonly aborted: true | undefined
}

/**
 * Calls `done` once, when the last octet of an answer was sent, or when that failed.
 *
 * @param sentOctets of the body; asked at the end, and told whether that came before its time
 */
export function watchAnswer(
  reply: FastifyReply,
  clock: Clock,
  sentOctets: (isAborted: boolean) => number,
  done: (outcome: Outcome) => void,
): void {
  const start = clock.monotonic()
  finished(reply.raw, (error) => {
    const isAborted = error != null
    const durationMs = Math.round(clock.monotonic() - start)
    done({ octets: sentOctets(isAborted), durationMs, aborted: isAborted || undefined })
  })
}

/** What of a short answer counts as sent: all of it, or nothing. */
export const wholeOf = (octets: number) => (isAborted: boolean) => (isAborted ? 0 : octets)
