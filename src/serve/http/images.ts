/** Images: regular files directly inside the directories that the site names, and nothing else on the disk. */
import { constants } from 'node:fs'
import { access, realpath, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join, sep } from 'node:path'
import type { FastifyReply } from 'fastify'
import type { ImageDirectory } from '../../plan/http.ts'
import type { Download, Downloads } from './downloads.ts'
import type { Exchange, Tools } from './exchange.ts'
import { refuse, unreadable, type Refusal } from './refusal.ts'
import { watchFile } from './transfer.ts'

/**
 * Half a mebibyte is read at a time: eight readers of 512 MiB took 2 to 4 s where Node's own 64 KiB took 5 to 6.
 * @fastify/send knows `highWaterMark`, its types do not.
 */
const sendOptions = { acceptRanges: true, highWaterMark: 512 * 1024 }

/** Ranges, conditions and validators (RFC 9110 §13, §14) are @fastify/static's. */
export async function sendImage(
  { reply, node, client, isHead }: Exchange,
  { log, counters, clock }: Tools,
  downloads: Downloads,
  directory: ImageDirectory,
  name: string,
): Promise<FastifyReply> {
  const file = join(directory.dir, name)
  const found = await inspect(directory, name)
  if (typeof found !== 'number') {
    counters.increment('http.unreadable')
    const facts = { node, client, file, reason: found.sentence }
    // A stranger who guesses names is no fault of the site.
    log[node === undefined ? 'debug' : 'error'](facts, 'image file cannot be served')
    return refuse(reply, found)
  }
  counters.increment('http.images')
  if (!isHead) {
    const what = directory.files.get(name)
    let download: Download | undefined
    const begin = (sent: () => number): void => {
      if (node === undefined || what === undefined) return
      const part = partOf(reply.raw.getHeader('content-range'), found)
      download = downloads.begin({ node, what, file: name, dir: directory.dir, ...part, total: found, sent })
    }
    watchFile(reply, clock, begin, ({ octets, durationMs, aborted }) => {
      download?.end(octets, aborted === true)
      counters.increment('http.imageOctets', octets)
      log.info({ node, client, file, octets, durationMs, aborted }, 'image file served')
    })
  }
  takeWholeForLongSuffix(reply.request.raw, found)
  return reply.header('cache-control', 'no-cache').sendFile(name, directory.dir, sendOptions)
}

/** Which octets of the file an answer has: those of its Content-Range (RFC 9110 §14.4), or all. */
function partOf(contentRange: unknown, total: number): { readonly from: number; readonly to: number } {
  const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(String(contentRange)) ?? []
  return first === undefined ? { from: 0, to: total } : { from: Number(first), to: Number(last) + 1 }
}

/** One name without a way out of its directory; what begins with a dot is not for others. */
export function isFileName(name: string): boolean {
  return name !== '' && !name.startsWith('.') && !/[/\\\0]/.test(name)
}

/**
 * The octets of a file that may be sent, or why it may not. A symbolic link that leads out of the directory
 * is followed only for a file that the site itself boots: that one the operator has put there on purpose.
 */
async function inspect({ dir, files }: ImageDirectory, name: string): Promise<number | Refusal> {
  const path = join(dir, name)
  try {
    const real = await realpath(path)
    if (!files.has(name) && !real.startsWith((await realpath(dir)) + sep)) {
      return { status: 404, sentence: `${path} is a link that leads out of its directory` }
    }
    const found = await stat(real)
    if (!found.isFile()) return { status: 404, sentence: `${path} is not a file` }
    await access(real, constants.R_OK)
    return found.size
  } catch (error) {
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
