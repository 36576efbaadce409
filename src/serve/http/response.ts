/**
 * Responses: generated text, whole files, the outcome of each, and refusals with a code in the header `slipway-code`
 * and a sentence that helps the reader (RFC 9110 §15).
 */
import { basename } from 'node:path'
import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { Clock } from '../../host/clock.ts'
import { ServerResponse } from '../../host/http.ts'
import type { WholeFile } from '../../plan/http/plan.ts'
import type { Exchange, Tools } from './request-context.ts'
import type { HttpCode } from './codes.ts'

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
  const { raw } = reply
  let isDone = false
  function end(isAborted: boolean): void {
    if (isDone) return
    isDone = true
    const durationMs = Math.round(clock.monotonic() - start)
    done({ octets: sentOctets(isAborted), durationMs, aborted: isAborted || undefined })
  }
  // `finished` of node:stream does the same, but adds more listeners, and this is a part of every response.
  raw.once('finish', () => end(false))
  raw.once('close', () => end(true))
  raw.once('error', () => end(true))
  if (raw.destroyed) setImmediate(() => end(true))
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
  /** Called with the reason if the file cannot be sent. */
  readonly failed?: (reason: string) => void
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
    options.failed?.(detail)
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

export type Refusal = {
  readonly status: number
  readonly code: HttpCode
  /** The text that the client gets. */
  readonly sentence: string
  /** The text for the log, if it has more details. */
  readonly detail?: string
}

export function refuse(reply: FastifyReply, { status, code, sentence }: Refusal): FastifyReply {
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .header('slipway-code', code)
    .type('text/plain; charset=utf-8')
    .send(`${sentence}\n`)
}

/** Explains why a file cannot be sent: with its path for the log, without it for the client. */
export function unreadable(error: unknown, path: string): Refusal {
  const { code } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return missingFile(path, `${path} does not exist`)
    case 'EACCES':
    case 'EPERM':
      return {
        status: 403,
        code: 'http.file-forbidden',
        sentence: unavailable(path),
        detail: `${path} cannot be read: check its owner, its mode, and its SELinux type`,
      }
    default:
      return {
        status: 500,
        code: 'http.file-unreadable',
        sentence: unavailable(path),
        detail: `${path} cannot be read: ${code ?? String(error)}`,
      }
  }
}

export function missingFile(path: string, detail: string): Refusal {
  return { status: 404, code: 'http.file-missing', sentence: unavailable(path), detail }
}

function unavailable(path: string): string {
  return `${basename(path)} is not available: the log of the server has the reason`
}

export const helpText = `there is nothing at this path

GET /boot/CLUSTER/NODE/boot.ipxe        the boot script of a node
GET /boot/CLUSTER/NODE/menu.ipxe        the menu of a node
GET /boot/CLUSTER/NODE/TOKEN/ROLE.ign   the Ignition file of a node during its installation
GET /loaders/FOLDER/FILE                a boot loader, for UEFI HTTP Boot
GET /images/IMAGE/FILE                  kernel, initramfs, rootfs
GET /files/PATH                         the files of http.files
GET /health                             the state of the service`

/** Explains why a request that Node could read cannot be answered (RFC 9112 §3.2, RFC 9110 §10.1.1). */
export function unusableRequest({
  httpVersion,
  headers: { host, expect },
}: IncomingMessage): Refusal | undefined {
  if (host === undefined && httpVersion === '1.1') {
    return { status: 400, code: 'http.bad-request', sentence: 'the request has no field Host' }
  }
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    return {
      status: 417,
      code: 'http.bad-request',
      sentence: 'only the expectation 100-continue is supported',
    }
  }
  return undefined
}

/** A connection on which no request could be read (RFC 9112 §2.2, RFC 9110 §15.5). */
type BadRequest = {
  readonly counter: string
  readonly code: HttpCode
  /** A whole HTTP response; the server closes the connection after it. */
  readonly response: string
}

/** @param error the code of Node's error; returns nothing for a peer that closed the connection */
export function badRequest(error: string | undefined): BadRequest | undefined {
  switch (error) {
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        counter: 'http.timedOut',
        code: 'http.request-timeout',
        response: errorResponse('408 Request Timeout', 'the request took too long'),
      }
    case 'HPE_HEADER_OVERFLOW':
      return {
        counter: 'http.malformed',
        code: 'http.header-too-large',
        response: errorResponse(
          '431 Request Header Fields Too Large',
          'the header of the request is too long',
        ),
      }
    default:
      return {
        counter: 'http.malformed',
        code: 'http.bad-request',
        response: errorResponse('400 Bad Request', 'this is not an HTTP request'),
      }
  }
}

/** The response to CONNECT, which Node does not pass to the routes. */
export const connectRefused = (): string =>
  errorResponse(
    '405 Method Not Allowed',
    'method CONNECT is not supported: use GET or HEAD',
    'Allow: GET, HEAD',
  )

/** RFC 9110 §6.6.1: with a date, like the responses of Node. */
function errorResponse(status: string, sentence: string, ...fields: readonly string[]): string {
  const body = `${sentence}\n`
  return [
    `HTTP/1.1 ${status}`,
    `Date: ${new Date().toUTCString()}`,
    'Connection: close',
    ...fields,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n')
}

// Responses with the customary capitalization of field names. Names are case-insensitive (RFC 9110 §5.1), but the parsers
// of GRUB, shim, and U-Boot compare them as other servers spell them. Fastify sends them in lower case.

type Value = number | string | readonly string[]

export class CustomaryResponse extends ServerResponse {
  override setHeader(name: string, value: Value): this {
    return super.setHeader(customaryName(name), value)
  }

  override writeHead(
    status: number,
    reason?: string | OutgoingHttpHeaders | OutgoingHttpHeader[],
    fields?: OutgoingHttpHeaders | OutgoingHttpHeader[],
  ): this {
    if (typeof reason === 'string') return super.writeHead(status, reason, customaryFields(status, fields))
    return super.writeHead(status, customaryFields(status, reason ?? fields))
  }
}

/** Names as they were sent, and in their customary form. Only this program adds names, so their number is bounded. */
const names = new Map([
  ['etag', 'ETag'],
  ['www-authenticate', 'WWW-Authenticate'],
])

/** Returns `Content-Length` for `content-length`. */
export function customaryName(name: string): string {
  const known = names.get(name)
  if (known !== undefined) return known
  const customary = name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase())
  names.set(name, customary)
  return customary
}

/** @param fields names and values; a flat list of both is used as it is */
function customaryFields(
  status: number,
  fields: OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined,
): OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined {
  if (fields === undefined || Array.isArray(fields)) return fields
  const customary: OutgoingHttpHeaders = {}
  for (const name in fields) customary[customaryName(name)] = fields[name]
  // Fastify adds the length 0 for HEAD, but only that of the file would be right (RFC 9110 §8.6).
  if (status === 304) delete customary['Content-Length']
  return customary
}

/** Returns the code of a response that a handler did not create. */
export function errorCode(status: number): HttpCode {
  if (status === 503) return 'http.file-replaced'
  if (status >= 500) return 'http.internal-error'
  return status === 412 || status === 416 ? 'http.range-not-satisfiable' : 'http.bad-request'
}
