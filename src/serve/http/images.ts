/** Images: regular files directly inside the directories that the site names, and nothing else on the disk. */
import { realpath } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join, sep } from 'node:path'
import type { FastifyReply } from 'fastify'
import {
  createSharedFiles,
  UnusableFile,
  type SharedFile,
  type SharedFileLimits,
  type SharedFiles,
} from '../../host/shared-files.ts'
import type { ImageDirectory } from '../../plan/http.ts'
import { readBody, replaceBody, type Body } from './body.ts'
import type { Download, Downloads } from './downloads.ts'
import type { Exchange, Tools } from './request-context.ts'
import { refuse, unreadable, type Refusal } from './error-response.ts'
import { watchAnswer } from './transfer.ts'

/**
 * A rack fetches one rootfs at about the same time, so what one reader takes from the disk is there for those
 * behind it, who then catch up. 64 MiB is how far apart they may be (docs/decisions/0027).
 */
const limits: SharedFileLimits = { cacheOctets: 64 * 1024 * 1024, chunkOctets: 1024 * 1024 }

/** The image files that are being read, and what of them is in memory. */
export const createImages = (): SharedFiles => createSharedFiles(limits)

/** Where the octets come from, and who is told how far they are. */
type Sources = { readonly images: SharedFiles; readonly downloads: Downloads }

/** Ranges, conditions and validators (RFC 9110 §13, §14) are @fastify/static's; the octets come from `images`. */
export async function sendImage(
  { reply, node, client }: Exchange,
  { log, counters, clock }: Tools,
  { images, downloads }: Sources,
  directory: ImageDirectory,
  name: string,
): Promise<FastifyReply> {
  const path = join(directory.dir, name)
  const file = await openImage(images, directory, name)
  if ('sentence' in file) {
    counters.increment('http.unreadable')
    const facts = { node, client, file: path, reason: file.sentence }
    // A stranger who guesses names is no fault of the site.
    log[node === undefined ? 'debug' : 'error'](facts, 'image file cannot be served')
    return refuse(reply, file)
  }
  counters.increment('http.images')
  const what = directory.files.get(name)
  let body: Body | undefined
  let download: Download | undefined
  replaceBody(reply, (range) => {
    const made = readBody(file, range, () => reply.raw.writableLength)
    body = made
    if (node !== undefined && what !== undefined) {
      const part = { from: range.start, to: range.start + range.octets, total: file.octets, sent: made.sent }
      download = downloads.begin({ node, what, file: name, dir: directory.dir, ...part })
    }
    return made.stream
  })
  const sentOctets = (isAborted: boolean) => (isAborted ? body?.sent() : body?.octets) ?? 0
  watchAnswer(reply, clock, sentOctets, ({ octets, durationMs, aborted }) => {
    file.close()
    if (body === undefined) return // HEAD, 304, an error
    body.close()
    download?.end(octets, aborted === true)
    counters.increment('http.imageOctets', octets)
    log.info({ node, client, file: path, octets, durationMs, aborted }, 'image file served')
  })
  takeWholeForLongSuffix(reply.request.raw, file.octets)
  return reply.header('cache-control', 'no-cache').sendFile(name, directory.dir, {
    acceptRanges: true,
    onFile: (_path, { size, mtimeMs }) => requireSame(file, size, mtimeMs),
  })
}

/** One name without a way out of its directory; what begins with a dot is not for others. */
export function isFileName(name: string): boolean {
  return name !== '' && !name.startsWith('.') && !/[/\\\0]/.test(name)
}

/**
 * The file, or why it may not be sent. A symbolic link that leads out of the directory is followed only for a
 * file that the site itself boots: that one the operator has put there on purpose.
 */
async function openImage(
  images: SharedFiles,
  { dir, files }: ImageDirectory,
  name: string,
): Promise<SharedFile | Refusal> {
  const path = join(dir, name)
  try {
    const real = await realpath(path)
    if (!files.has(name) && !real.startsWith((await realpath(dir)) + sep)) {
      return { status: 404, sentence: `${path} is a link that leads out of its directory` }
    }
    return await images.open(real)
  } catch (error) {
    if (error instanceof UnusableFile) return { status: 404, sentence: `${path} is not a file` }
    return unreadable(error, path)
  }
}

/**
 * RFC 9110 §14.1.2: of a file shorter than the suffix that is asked for, the whole is meant. @fastify/send
 * would refuse it with 416; without the header it sends the whole.
 */
function takeWholeForLongSuffix({ headers }: IncomingMessage, octets: number): void {
  const suffix = /^\s*bytes\s*=\s*-(\d+)\s*$/i.exec(headers.range ?? '')?.[1]
  if (suffix !== undefined && Number(suffix) > octets) delete headers.range
}

/** What the header says is read from the path once more: it has to be of the file that is open. */
function requireSame({ octets, modifiedMs }: SharedFile, size: number, mtimeMs: number): void {
  // Both count nanoseconds in a double, which rounds them.
  if (octets === size && Math.abs(modifiedMs - mtimeMs) < 1) return
  throw Object.assign(new Error('the file was replaced at this moment, ask again'), { statusCode: 503 })
}
