/**
 * The body of a response from a shared file. @fastify/static creates the header and opens the file; its stream is
 * closed unread, and a stream over the shared chunks replaces it.
 */
import { ReadStream } from 'node:fs'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { DoneFuncWithErrOrRes, FastifyReply, FastifyRequest } from 'fastify'
import type { Chunk, SharedFile } from '../../host/shared-files.ts'
import type { ImageLane, LaneTransfer } from './image-lane.ts'

/** A part of a file. */
export type Range = { readonly start: number; readonly octets: number }

export type Body = {
  readonly stream: Readable
  /** The length of the body in bytes. */
  readonly octets: number
  /** Returns the bytes that were handed to the system. */
  readonly sent: () => number
  /** Releases its chunks. Call it when the response has ended, complete or not. */
  close(): void
}

/** A chunk with its start and end in the file. */
type Part = { readonly chunk: Chunk; readonly start: number; readonly end: number }

/** Bytes handed to the system at once: other requests wait for that time (docs/decisions/0027). */
export const pieceOctets = 256 * 1024

export type BodyEvents = {
  /** The client read something. */
  readonly onProgress: () => void
  /** The body holds another chunk. */
  readonly onHeld: () => void
}

const noEvents: BodyEvents = { onProgress: () => {}, onHeld: () => {} }

/** @param unsentOctets returns the bytes of the response that were written and not yet handed to the system */
export function readBody(
  file: SharedFile,
  { start, octets }: Range,
  unsentOctets: () => number,
  { onProgress, onHeld }: BodyEvents = noEvents,
): Body {
  const end = start + octets
  let at = start
  let isClosed = false
  /** The part at `at`, and the parts before it that are not sent yet. */
  const held: Part[] = []

  const sent = () => Math.max(0, at - start - stream.readableLength - unsentOctets())

  function releaseBefore(offset: number): void {
    for (let first = held[0]; first !== undefined && first.end <= offset; first = held[0]) {
      first.chunk.release()
      held.shift()
    }
  }

  function pushPiece({ chunk, start: chunkStart }: Part): void {
    const from = at - chunkStart
    const piece = chunk.octets.subarray(from, Math.min(from + pieceOctets, end - chunkStart))
    at += piece.length
    stream.push(piece)
  }

  function addPart(chunk: Chunk, index: number): void {
    if (isClosed) {
      chunk.release()
      return
    }
    const chunkStart = index * file.chunkOctets
    const part = { chunk, start: chunkStart, end: chunkStart + chunk.octets.length }
    held.push(part)
    pushPiece(part)
  }

  function read(): void {
    onProgress()
    releaseBefore(start + sent())
    if (at === end) {
      stream.push(null)
      return
    }
    const part = held.at(-1)
    if (part !== undefined && at < part.end) {
      pushPiece(part)
      return
    }
    const index = Math.floor(at / file.chunkOctets)
    const chunk = file.take(index)
    if (!(chunk instanceof Promise)) addPart(chunk, index)
    else
      chunk.then(
        (loaded) => addPart(loaded, index),
        (error: unknown) => stream.destroy(error as Error),
      )
    onHeld()
  }

  // One piece is buffered while the previous one is being sent.
  const stream = new Readable({ highWaterMark: 1, read })
  return {
    stream,
    octets,
    sent,
    close() {
      isClosed = true
      releaseBefore(Infinity)
    },
  }
}

/**
 * The body that a lane sends: the stream is empty, and ends when the lane has sent all bytes.
 *
 * @param response its header is sent before the first byte of the body
 */
export function sendByLane(
  lane: Pick<ImageLane, 'send'>,
  { fd, version }: { readonly fd: number; readonly version: string },
  { start, octets }: Range,
  response: ServerResponse,
): Body {
  let transfer: LaneTransfer | undefined
  let isClosed = false

  const ended = (reason: string | undefined): void => {
    if (reason === undefined) stream.push(null)
    else stream.destroy(new Error(reason))
  }

  function begin(socket: Socket): void {
    if (isClosed) return
    transfer = lane.send(socket, { file: fd, version, from: start, to: start + octets }, ended)
    if (transfer === undefined) ended('the lane is not available')
  }

  const stream = new Readable({
    read() {
      if (response.headersSent) return
      response.flushHeaders()
      const { socket } = response
      // Called when the header, and everything before it, is with the system.
      socket?.write('', () => begin(socket))
    },
  })
  return {
    stream,
    octets,
    sent: () => transfer?.sent() ?? 0,
    close() {
      isClosed = true
      transfer?.cancel()
    },
  }
}

/** Registers the function that creates the body. It is not called for HEAD, 304, and errors. */
export function replaceBody(reply: FastifyReply, make: (range: Range) => Readable): void {
  reply.request.setDecorator('makeBody', make)
}

/** The hook that replaces the body. */
export function replaceBodyHook(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  done: DoneFuncWithErrOrRes,
): void {
  if (!(payload instanceof ReadStream)) {
    // It describes the content, which this answer does not have (RFC 9110 §15.4.5).
    if (reply.statusCode === 304) reply.removeHeader('content-type')
    done(null, payload)
    return
  }
  // The stream is not used, so its errors do not matter.
  payload.on('error', () => undefined).destroy()
  done(null, request.getDecorator<(range: Range) => Readable>('makeBody')(rangeOf(reply)))
}

/** Returns the range of the header `content-range: bytes 2-4/10`, or the whole file. */
function rangeOf(reply: FastifyReply): Range {
  const first = /^bytes (\d+)-/.exec(String(reply.getHeader('content-range')))?.[1]
  return { start: Number(first ?? 0), octets: Number(reply.getHeader('content-length')) }
}
