/**
 * The octets of a shared file as the body of an answer. @fastify/static makes the header and opens the file for
 * itself; its stream is closed unread and this one is sent in its place.
 */
import { ReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { DoneFuncWithErrOrRes, FastifyReply, FastifyRequest } from 'fastify'
import type { Chunk, SharedFile } from '../../host/shared-files.ts'

/** What of a file is wanted. */
type Range = { readonly start: number; readonly octets: number }

export type Body = {
  readonly stream: Readable
  /** Of all of it. */
  readonly octets: number
  /** Octets of it that were handed to the system so far. */
  readonly sent: () => number
  /** Gives back what it holds. To be called when the answer is over, whole or not. */
  close(): void
}

/** A chunk, and where it begins and ends in the file. */
type Part = { readonly chunk: Chunk; readonly start: number; readonly end: number }

/**
 * So much is handed to the system at a time: as long as that takes, DHCP and DNS wait (docs/decisions/0027).
 */
const pieceOctets = 256 * 1024

/** @param unsentOctets of the answer, which were written and not yet handed to the system */
export function readBody(file: SharedFile, { start, octets }: Range, unsentOctets: () => number): Body {
  const end = start + octets
  let at = start
  let isClosed = false
  /** The part that `at` is in, and those before it that are not sent. */
  const held: Part[] = []

  const sent = () => Math.max(0, at - start - stream.readableLength - unsentOctets())

  function letGoBefore(offset: number): void {
    for (let first = held[0]; first !== undefined && first.end <= offset; first = held[0]) {
      first.chunk.release()
      held.shift()
    }
  }

  function give({ chunk, start: chunkStart }: Part): void {
    const from = at - chunkStart
    const piece = chunk.octets.subarray(from, Math.min(from + pieceOctets, end - chunkStart))
    at += piece.length
    stream.push(piece)
  }

  function begin(chunk: Chunk, index: number): void {
    if (isClosed) {
      chunk.release()
      return
    }
    const chunkStart = index * file.chunkOctets
    const part = { chunk, start: chunkStart, end: chunkStart + chunk.octets.length }
    held.push(part)
    give(part)
  }

  function read(): void {
    letGoBefore(start + sent())
    if (at === end) {
      stream.push(null)
      return
    }
    const part = held.at(-1)
    if (part !== undefined && at < part.end) {
      give(part)
      return
    }
    const index = Math.floor(at / file.chunkOctets)
    const chunk = file.take(index)
    if (!(chunk instanceof Promise)) begin(chunk, index)
    else
      chunk.then(
        (loaded) => begin(loaded, index),
        (error: unknown) => stream.destroy(error as Error),
      )
  }

  // One piece is taken ahead, while the one before it is on its way.
  const stream = new Readable({ highWaterMark: 1, read })
  return {
    stream,
    octets,
    sent,
    close() {
      isClosed = true
      letGoBefore(Infinity)
    },
  }
}

/** Sends what `make` makes, once the header is made and where it has a body at all: not for HEAD, 304 and errors. */
export function replaceBody(reply: FastifyReply, make: (range: Range) => Readable): void {
  reply.request.setDecorator('makeBody', make)
}

/** The hook that does it. */
export function putBody(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  done: DoneFuncWithErrOrRes,
): void {
  if (!(payload instanceof ReadStream)) {
    done(null, payload)
    return
  }
  // It may fail to open what was removed meanwhile, which is nobody's concern any more.
  payload.on('error', () => undefined).destroy()
  done(null, request.getDecorator<(range: Range) => Readable>('makeBody')(rangeOf(reply)))
}

/** What the header promises: `content-range: bytes 2-4/10`, or the whole file. */
function rangeOf(reply: FastifyReply): Range {
  const first = /^bytes (\d+)-/.exec(String(reply.getHeader('content-range')))?.[1]
  return { start: Number(first ?? 0), octets: Number(reply.getHeader('content-length')) }
}
