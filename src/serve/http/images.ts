/** Image files: the files of the image directories that the plan boots, and no others. */
import type { IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { createEventLimiter } from '../../host/connection-limits.ts'
import { createReadLimit } from '../../host/read-limit.ts'
import {
  createSharedFiles,
  UnusableFile,
  type SharedFile,
  type SharedFileLimits,
  type SharedFiles,
} from '../../host/shared-files.ts'
import type { ImageDirectory } from '../../plan/http/plan.ts'
import { pieceOctets, readBody, replaceBody, sendByLane, type Body, type Range } from './body.ts'
import { createDownloads, type Download, type Downloads } from '../../install/downloads.ts'
import { createReaders, defaultReaderLimits, type Readers } from './readers.ts'
import type { ImageLane } from './image-lane.ts'
import type { Exchange, Tools } from './request-context.ts'
import type { HttpCode } from './codes.ts'
import { missingFile, refuse, unreadable, type Refusal, watchResponse } from './response.ts'

/**
 * Many nodes download one rootfs at about the same time, so the chunks that the first one reads serve those behind it.
 * They may be 64 MiB apart (docs/decisions/0027).
 */
const limits: SharedFileLimits = { cacheOctets: 64 * 1024 * 1024, chunkOctets: 1024 * 1024 }

/**
 * How many chunks are read at once for all undeclared clients. The threads that read compete with the event loop, and so
 * with DHCP and DNS.
 */
const maxReadsOfUnknown = 2

export type ImageSources = {
  readonly images: SharedFiles
  readonly limitReads: ReturnType<typeof createReadLimit>
  readonly downloads: Downloads
  readonly readers: Readers
  readonly lane: ImageLane
}

/** The images, and the limits for their readers. */
export function createImageSources(tools: Tools, lane: ImageLane): ImageSources {
  const { log, counters, clock } = tools
  const images = createSharedFiles(limits)
  const limit = createEventLimiter(clock)
  const code: HttpCode = 'http.memory-limit'
  const readers = createReaders({
    limits: defaultReaderLimits,
    heldBytes: () => images.heldOctets(),
    clock,
    onClosed({ address }) {
      counters.increment('http.readersClosed')
      counters.refuse(code)
      limit(code, (count) => log.warn({ client: address, code, count }, 'slowest reader disconnected'))
    },
  })
  return {
    images,
    limitReads: createReadLimit(maxReadsOfUnknown),
    downloads: createDownloads(tools),
    readers,
    lane,
  }
}

/** How the requests for a kind of files are counted and logged. */
export type FileLabels = { readonly counter: string; readonly served: string; readonly refused: string }

const imageLabels: FileLabels = {
  counter: 'http.images',
  served: 'image file served',
  refused: 'image file cannot be served',
}

/**
 * @fastify/static handles ranges and dates (RFC 9110 §13, §14); the bytes come from `images`. A node that boots asks for the
 * whole file without conditions, and @fastify/static would only open and examine the file once more.
 */
export async function sendImage(
  { reply, node, client, address, isLocal }: Exchange,
  { log, counters, clock, observe }: Tools,
  { images, limitReads, downloads, readers, lane }: ImageSources,
  directory: ImageDirectory,
  name: string,
  labels = imageLabels,
): Promise<FastifyReply> {
  const path = join(directory.dir, name)
  let body: Body | undefined
  let download: Download | undefined
  const close = () => {
    reply.raw.destroy()
    body?.close()
  }
  const isKnown = node !== undefined || isLocal
  const reader = readers.add({ address, isKnown, close })
  if (reader === undefined) {
    const code: HttpCode = 'http.reader-limit'
    counters.increment('http.readersRefused')
    counters.refuse(code)
    const sentence = 'too many downloads are in progress: repeat the request later'
    return refuse(reply.header('retry-after', '5'), { status: 503, code, sentence })
  }
  // A file that is not in the page cache can delay the lane, so it serves only declared nodes and this machine.
  const usesLane = isKnown && lane.canSend(reply.raw)
  const opened = await openImage(images, path, usesLane)
  if ('sentence' in opened) {
    reader.end()
    counters.increment('http.unreadable')
    counters.refuse(opened.code)
    const facts = { node, client, file: path, code: opened.code, reason: opened.detail ?? opened.sentence }
    // An undeclared client that guesses names is not an error of the site.
    log[node === undefined ? 'debug' : 'error'](facts, labels.refused)
    const kind = directory.files.get(name)
    if (node !== undefined && kind !== undefined) {
      const missing = {
        outcome: 'missing',
        octets: 0,
        total: 0,
        durationMs: 0,
        reason: facts.reason,
      } as const
      observe({ node, kind: 'file', what: kind, file: name, ...missing })
    }
    return refuse(
      reply,
      isLocal && opened.detail !== undefined ? { ...opened, sentence: opened.detail } : opened,
    )
  }
  const file = isKnown ? opened : limitReads(opened)
  counters.increment(labels.counter)
  const what = directory.files.get(name)
  const bodyOf = (range: Range): Readable => {
    const events = { onProgress: reader.progress, onHeld: reader.held }
    const { fd, version } = file
    const isForLane = usesLane && fd !== undefined && range.octets > pieceOctets && lane.canSend(reply.raw)
    const made = isForLane
      ? sendByLane(lane, { fd, version }, range, reply.raw)
      : readBody(file, range, () => reply.raw.writableLength, events)
    body = made
    if (node !== undefined && what !== undefined) {
      const part = { from: range.start, to: range.start + range.octets, total: file.octets, sent: made.sent }
      download = downloads.start({ node, what, file: name, dir: directory.dir, ...part })
    }
    return made.stream
  }
  const sentOctets = (isAborted: boolean) => (isAborted ? body?.sent() : body?.octets) ?? 0
  watchResponse(reply, clock, sentOctets, ({ octets, durationMs, aborted }) => {
    file.close()
    reader.end()
    if (body === undefined) return // HEAD, 304, an error
    body.close()
    download?.end(octets, aborted === true)
    counters.increment('http.imageOctets', octets)
    log.info({ node, client, file: path, octets, durationMs, aborted }, labels.served)
  })
  const { headers, method } = reply.request.raw
  const tag = `"${file.version}"`
  reply.header('cache-control', 'no-cache').header('etag', tag)
  switch (evaluateConditions(headers, { tag, modifiedMs: file.modifiedMs })) {
    case 'failed':
      return refuse(reply, changedFile)
    case 'not-modified':
      return reply.code(304).header('last-modified', new Date(file.modifiedMs).toUTCString()).send()
    case 'send':
  }
  // RFC 9110 §14.2: only GET has ranges.
  if (method === 'HEAD') delete headers.range
  normalizeRange(headers, file.octets)
  // The type of what a node boots does not depend on its name.
  const isBooted = what !== undefined
  if (isBooted) reply.type('application/octet-stream')
  if (isBooted && method === 'GET' && asksForWhole(headers)) {
    const modified = new Date(file.modifiedMs).toUTCString()
    reply.header('accept-ranges', 'bytes').header('last-modified', modified)
    return reply.header('content-length', file.octets).send(bodyOf({ start: 0, octets: file.octets }))
  }
  replaceBody(reply, bodyOf)
  return reply.sendFile(name, directory.dir, {
    acceptRanges: true,
    etag: false,
    contentType: !isBooted,
    onFile: (_path, { size, mtimeMs }) => requireSame(file, size, mtimeMs),
  })
}

/** Whether no header field asks for a part of the file, or states a condition (RFC 9110 §13, §14). */
function asksForWhole(headers: IncomingHttpHeaders): boolean {
  return !('range' in headers || 'if-modified-since' in headers || 'if-unmodified-since' in headers)
}

const changedFile: Refusal = {
  status: 412,
  code: 'http.range-not-satisfiable',
  sentence: 'the file is not the one that If-Match names',
}

/** Opens the file, or explains why it cannot be sent. A symbolic link of the administrator is followed. */
async function openImage(
  images: SharedFiles,
  path: string,
  needsDescriptor: boolean,
): Promise<SharedFile | Refusal> {
  try {
    return await images.open(path, needsDescriptor)
  } catch (error) {
    if (error instanceof UnusableFile) return missingFile(path, `${path} is not a file`)
    return unreadable(error, path)
  }
}

/**
 * Leaves only a range that can be read (RFC 9110 §14.1.1). Others are ignored (RFC 9110 §14.2), because @fastify/send reads
 * `bytes=4` as the last four octets. It also refuses a suffix longer than the file, which means the whole file
 * (RFC 9110 §14.1.2).
 */
function normalizeRange(headers: IncomingHttpHeaders, octets: number): void {
  const list = /^bytes=(.*)$/i.exec(headers.range ?? '')?.[1]
  if (list === undefined) return
  const parts = list.split(',').map((part) => part.trim())
  const ranges = parts.filter((part) => part !== '').map((part) => /^(\d*)\s*-\s*(\d*)$/.exec(part))
  const isValid = ranges.length > 0 && ranges.every(isRange)
  const [[, first = '', suffix = ''] = []] = ranges.map((range) => range ?? [])
  const isWholeFile = ranges.length === 1 && first === '' && Number(suffix) > octets
  if (!isValid || isWholeFile) delete headers.range
  else headers.range = `bytes=${list}`
}

function isRange(range: RegExpExecArray | null): boolean {
  const [, first = '', last = ''] = range ?? []
  if (first === '') return last !== ''
  return last === '' || Number(last) >= Number(first)
}

/** @fastify/static reads size and time from the path again: they must belong to the open file. */
function requireSame({ octets, modifiedMs }: SharedFile, size: number, mtimeMs: number): void {
  // Both count nanoseconds in a double, which rounds them.
  if (octets === size && Math.abs(modifiedMs - mtimeMs) < 1) return
  const message = 'the file was replaced at this moment, repeat the request'
  throw Object.assign(new Error(message), { statusCode: 503 })
}

// Conditional requests for a file with a strong entity tag (RFC 9110 §13). @fastify/send compares tags weakly, so it gets
// only the header fields that remain after this: dates, and a range that may be sent.

/** `send`: evaluate the remaining fields. `not-modified`: 304. `failed`: 412. */
type ConditionResult = 'send' | 'not-modified' | 'failed'

/** Removes the fields that are evaluated here. @param tag the strong tag of the file, with its quotes */
export function evaluateConditions(
  headers: IncomingHttpHeaders,
  { tag, modifiedMs }: { readonly tag: string; readonly modifiedMs: number },
): ConditionResult {
  const { 'if-match': match, 'if-none-match': noneMatch, 'if-range': ifRange } = headers
  if (match !== undefined) {
    if (match.trim() !== '*' && !tagsOf(match).includes(tag)) return 'failed'
    delete headers['if-match']
    // RFC 9110 §13.1.4: the tag is more accurate than the date.
    delete headers['if-unmodified-since']
  }
  if (noneMatch !== undefined) {
    const isSame =
      noneMatch.trim() === '*' || tagsOf(noneMatch).some((each) => each.replace(/^W\//, '') === tag)
    // A client that reloads does not want 304.
    if (isSame && headers['cache-control']?.includes('no-cache') !== true) return 'not-modified'
    delete headers['if-none-match']
    delete headers['if-modified-since']
  }
  if (ifRange !== undefined) {
    if (!isCurrent(String(ifRange), tag, modifiedMs)) delete headers.range
    delete headers['if-range']
  }
  return 'send'
}

/** RFC 9110 §13.1.5: the strong tag, or exactly the date of the file. */
function isCurrent(ifRange: string, tag: string, modifiedMs: number): boolean {
  if (ifRange.includes('"')) return ifRange.trim() === tag
  return Date.parse(ifRange) === Math.floor(modifiedMs / 1000) * 1000
}

function tagsOf(list: string): string[] {
  return list.match(/(?:W\/)?"[^"]*"/g) ?? []
}
