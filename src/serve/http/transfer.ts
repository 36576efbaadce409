/** What became of an answer: how long it took, and how much of it the peer was really sent. */
import { ReadStream } from 'node:fs'
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

/** Calls `done` once, when the last octet of an answer with this body was sent, or when that failed. */
export function watchAnswer(
  reply: FastifyReply,
  clock: Clock,
  bodyOctets: number,
  done: (outcome: Outcome) => void,
): void {
  const start = clock.monotonic()
  finished(reply.raw, (error) => {
    const aborted = error == null ? undefined : true
    done({ octets: aborted ? 0 : bodyOctets, durationMs: since(clock, start), aborted })
  })
}

/**
 * The same for an answer that is streamed from a file; nothing is reported when no file is streamed (HEAD, 304).
 *
 * @param begun called with what tells how many octets were sent so far
 */
export function watchFile(
  reply: FastifyReply,
  clock: Clock,
  begun: (sent: () => number) => void,
  done: (outcome: Outcome) => void,
): void {
  const start = clock.monotonic()
  const { raw } = reply
  raw.once('pipe', (source: unknown) => {
    if (!(source instanceof ReadStream)) return
    const sent = (): number => Math.max(0, source.bytesRead - source.readableLength - raw.writableLength)
    begun(sent)
    const expected = Number(raw.getHeader('content-length'))
    let isShort = false
    source.once('end', () => {
      // A file that was cut short meanwhile: the peer must not wait for the rest, nor take it for the whole.
      isShort = source.bytesRead < expected
      if (isShort) raw.destroy()
    })
    finished(raw, (error) => {
      const aborted = error == null && !isShort ? undefined : true
      done({ octets: aborted ? sent() : source.bytesRead, durationMs: since(clock, start), aborted })
    })
  })
}

function since(clock: Clock, start: number): number {
  return Math.round(clock.monotonic() - start)
}
