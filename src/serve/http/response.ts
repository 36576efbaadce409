/** Responses: generated text, whole files, and the outcome of each. */
import { finished } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Clock } from '../../host/clock.ts'
import type { WholeFile } from '../../plan/http/plan.ts'
import { missingFile, refuse, type Refusal } from './error-response.ts'
import type { Exchange, Tools } from './request-context.ts'

export type Outcome = {
  /** Bytes of the body that were handed to the system. */
  readonly octets: number
  readonly durationMs: number
  /** The peer closed the connection, or the file ended too early; else absent. */
  readonly aborted: true | undefined
}

/**
 * Calls `done` once, when the whole response was sent or when sending failed.
 *
 * @param sentOctets returns the bytes of the body that were sent
 */
export function watchResponse(
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

/** A short body counts as sent whole or not at all. */
export const wholeOf = (octets: number) => (isAborted: boolean) => (isAborted ? 0 : octets)

/** Sends text that was generated for this request. */
export function sendText(
  { reply }: Exchange,
  { clock }: Tools,
  text: string,
  done: (outcome: Outcome) => void,
  type = 'text/plain; charset=utf-8',
): FastifyReply {
  watchResponse(reply, clock, wholeOf(Buffer.byteLength(text)), done)
  return reply.header('cache-control', 'no-store').type(type).send(text)
}

type FileOptions = {
  /** Never rejects. */
  readonly read: () => Promise<Uint8Array | Refusal>
  readonly counter: string
  /** The media type. */
  readonly type: string
  readonly done: (outcome: Outcome) => void
  /** Log messages. */
  readonly served: string
  readonly refused: string
}

/** Sends a file that is small enough to be read at once, so its length is known before the first byte is sent. */
export async function sendWholeFile(
  { reply, client, node, isHead, isLocal }: Exchange,
  { log, counters, clock }: Tools,
  { file, problem }: WholeFile,
  options: FileOptions,
): Promise<FastifyReply> {
  const refused = (refusal: Refusal): FastifyReply => {
    counters.increment('http.unreadable')
    counters.refuse(refusal.code)
    const { code, sentence, detail = sentence } = refusal
    const facts = { node, client, file, code, reason: detail }
    // An undeclared client that guesses names is not an error of the site.
    log[node === undefined ? 'debug' : 'error'](facts, options.refused)
    return refuse(reply, isLocal ? { ...refusal, sentence: detail } : refusal)
  }
  if (problem !== undefined) return refused(missingFile(file, problem))
  const content = await options.read()
  if ('sentence' in content) return refused(content)
  counters.increment(options.counter)
  watchResponse(reply, clock, wholeOf(content.length), (outcome) => {
    const { octets, durationMs, aborted } = outcome
    options.done(outcome)
    const facts = { node, client, file, octets, durationMs, aborted }
    log[isHead ? 'debug' : 'info'](facts, options.served)
  })
  return reply
    .header('cache-control', 'no-store')
    .type(options.type)
    .send(Buffer.from(content.buffer, content.byteOffset, content.length))
}
