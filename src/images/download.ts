/**
 * Downloads one file of a release into a directory. It resumes partial downloads (RFC 9110 §14) and retries interrupted
 * ones. The file gets its name only when its SHA-256 is the one in the document. If a complete file has another SHA-256,
 * it is deleted and downloaded again once.
 */
import { createHash, type Hash } from 'node:crypto'
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../host/clock.ts'
import { digestOf, hashInto } from './manifest.ts'
import { type Watch, ImageProblem, reasonOf } from './codes.ts'
import type { RemoteFile } from './stream.ts'
import { statusOf, watchStall, type Web } from './web.ts'

export type DownloadTools = { readonly web: Web; readonly clock: Clock; readonly watch: Watch }

const maxAttempts = 5
const firstPauseMs = 1000
/** An attempt that received this much is not counted, because the connection is slow but works. */
const progressOctets = 1024 * 1024
/** Live ISOs and metal images have one or two GiB; a server must not be able to fill the disk. */
const maxOctets = 16 * 1024 ** 3

/** The file that a partial download belongs to; stored beside it. */
type Origin = { readonly sha256: string; readonly validator?: string }

/** A response that a retry would not change. */
class Refused extends ImageProblem {
  constructor(message: string) {
    super('image.download-refused', message)
  }
}

/** @throws {ImageProblem} when the download fails; the part that was received is kept and resumed by the next start */
export async function download(wanted: RemoteFile, directory: string, tools: DownloadTools): Promise<void> {
  const { name, url } = wanted
  const path = join(directory, name)
  if (await isComplete(path, wanted, tools.watch)) return
  let pauseMs = firstPauseMs
  let hadWrongChecksum = false
  for (let failures = 1; ; failures++) {
    const before = await partOctets(path)
    try {
      const digest = await attempt(wanted, path, tools)
      if (digest === wanted.sha256) break
      await discardPart(path)
      const reason = `its sha256 is ${digest}, but the document has ${wanted.sha256}`
      if (hadWrongChecksum) throw new Refused(`${url} differs from the document: ${reason}`)
      hadWrongChecksum = true
      tools.watch({ kind: 'retry', file: name, reason: `deleted, downloading it again: ${reason}` })
    } catch (error) {
      if (error instanceof ImageProblem) throw error
      const reason = reasonOf(error)
      if ((await partOctets(path)) - before >= progressOctets) [failures, pauseMs] = [1, firstPauseMs]
      if (failures >= maxAttempts)
        throw new ImageProblem(
          'image.download-failed',
          `${url} cannot be downloaded, ${maxAttempts} attempts failed: ${reason}`,
        )
      const seconds = pauseMs / 1000
      tools.watch({ kind: 'retry', file: name, reason: `${reason}; retrying in ${seconds} s` })
      await pause(tools.clock, pauseMs)
      pauseMs *= 2
    }
  }
  await rename(partOf(path), path)
  await rm(originOf(path), { force: true })
  tools.watch({ kind: 'done', file: name, octets: (await stat(path)).size })
}

/** Whether an earlier start completed this file; deletes a file with another checksum. */
async function isComplete(path: string, { name, sha256 }: RemoteFile, watch: Watch): Promise<boolean> {
  const found = await digestOf(path).catch(() => undefined)
  if (found === undefined) return false
  if (found.sha256 !== sha256) {
    await rm(path, { force: true })
    return false
  }
  watch({ kind: 'started', file: name, octets: found.octets })
  watch({ kind: 'done', file: name, octets: found.octets })
  return true
}

/** Downloads the missing part. @returns the SHA-256 of the whole file */
async function attempt(
  { name, url, sha256 }: RemoteFile,
  path: string,
  { web, clock, watch }: DownloadTools,
): Promise<string> {
  const origin = await originAt(path)
  if (origin?.sha256 !== sha256) await discardPart(path)
  const before = await partOctets(path)
  const answer = await web.open(url, {
    method: 'GET',
    headers: before === 0 ? {} : rangeFrom(before, origin),
  })
  try {
    const start = startOf(answer, before, url)
    if (start === undefined) {
      await discardPart(path)
      throw new Error(`the partial download of ${before} bytes does not match the file on the server`)
    }
    if (start === 0)
      await writeFile(originOf(path), JSON.stringify({ sha256, validator: validatorOf(answer) }))
    watch({ kind: 'started', file: name, octets: start })
    const hash = createHash('sha256')
    await hashInto(hash, partOf(path), undefined, start)
    if (answer.statusCode !== 416) await take(answer, start, hash)
    return hash.digest('hex')
  } finally {
    answer.destroy()
  }

  async function take(body: IncomingMessage, start: number, hash: Hash): Promise<void> {
    const file = await open(partOf(path), start === 0 ? 'w' : 'a').catch(cannotWrite)
    const stall = watchStall(body, clock)
    let at = start
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        stall.seen()
        at += chunk.length
        if (at > maxOctets) throw new Refused(`${url} is larger than the maximum of ${maxOctets} bytes`)
        await file.appendFile(chunk).catch(cannotWrite)
        hash.update(chunk)
        watch({ kind: 'reached', file: name, octets: at })
      }
      await file.sync().catch(cannotWrite)
    } finally {
      stall.stop()
      await file.close()
    }
  }
}

function rangeFrom(octets: number, origin: Origin | undefined): Record<string, string> {
  const validator = origin?.validator
  return { range: `bytes=${octets}-`, ...(validator === undefined ? {} : { 'if-range': validator }) }
}

/** If-Range accepts a strong entity tag or a date (RFC 9110 §13.1.5). */
function validatorOf({ headers }: IncomingMessage): string | undefined {
  const { etag } = headers
  return etag === undefined || etag.startsWith('W/') ? headers['last-modified'] : etag
}

/**
 * Returns the offset in the file at which the response starts: 0 if the server sends the whole file, `undefined` if the
 * server cannot continue the partial download. A 416 response has no content, but the partial download can already be the
 * whole file (RFC 9110 §15.5.17).
 *
 * @throws {Refused} when a retry would get the same response; another error when it can succeed
 */
function startOf(answer: IncomingMessage, before: number, url: string): number | undefined {
  const status = answer.statusCode as number
  if (status === 200) return 0
  const range = answer.headers['content-range'] ?? ''
  if (before > 0 && status === 416) return range === `bytes */${before}` ? before : undefined
  if (before > 0 && status === 206) return range.startsWith(`bytes ${before}-`) ? before : undefined
  const sentence = `the server responds ${statusOf(answer)}`
  if (status >= 500 || status === 408 || status === 429) throw new Error(sentence)
  throw new Refused(`${url} cannot be downloaded: ${sentence}`)
}

/** Returns the size of a file on the disk, partial or complete. */
export async function storedOctets(path: string): Promise<number> {
  const whole = await stat(path).catch(() => undefined)
  return whole?.size ?? partOctets(path)
}

function partOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.part`)
}

function originOf(path: string): string {
  return `${partOf(path)}.json`
}

async function partOctets(path: string): Promise<number> {
  const found = await stat(partOf(path)).catch(() => undefined)
  return found?.size ?? 0
}

async function originAt(path: string): Promise<Origin | undefined> {
  try {
    return JSON.parse(await readFile(originOf(path), 'utf8')) as Origin
  } catch {
    return undefined
  }
}

async function discardPart(path: string): Promise<void> {
  await rm(partOf(path), { force: true })
  await rm(originOf(path), { force: true })
}

function cannotWrite(error: NodeJS.ErrnoException): never {
  const reason = error.code === 'ENOSPC' ? 'the disk is full' : reasonOf(error)
  throw new ImageProblem(
    'image.write-failed',
    `cannot write: ${reason}; run the command again to resume the download`,
  )
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve))
}
