/**
 * One file of a release, from the web into a folder: begun parts are gone on with (RFC 9110 §14), what is cut off is
 * tried again, and the file has its name only when its sha256 is that of the document. A part that turns out wrong is
 * thrown away, and the file fetched anew, once.
 */
import { createHash, type Hash } from 'node:crypto'
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../host/clock.ts'
import { digestOf, hashInto } from './digest.ts'
import type { Watch } from './progress.ts'
import { ImageProblem, reasonOf } from './problem.ts'
import type { RemoteFile } from './stream.ts'
import { statusOf, watchStall, type Web } from './web.ts'

export type DownloadTools = { readonly web: Web; readonly clock: Clock; readonly watch: Watch }

const tries = 5
const firstPauseMs = 1000
/** A try that got this far does not count: a bad line is slow, not hopeless. */
const progressOctets = 1024 * 1024
/** Live ISOs and metal images have one or two GiB; a server must not be able to fill the disk. */
const mostOctets = 16 * 1024 ** 3

/** What a begun part belongs to, kept beside it. */
type Origin = { readonly sha256: string; readonly validator?: string }

/** The server answered, and the same question would get the same answer. */
class Refused extends ImageProblem {}

/** @throws {ImageProblem} when it cannot be had; what came so far is kept for the next time */
export async function download(wanted: RemoteFile, folder: string, tools: DownloadTools): Promise<void> {
  const { name, url } = wanted
  const path = join(folder, name)
  if (await isThere(path, wanted, tools.watch)) return
  let pauseMs = firstPauseMs
  let wasWrong = false
  for (let failures = 1; ; failures++) {
    const before = await partOctets(path)
    try {
      const digest = await attempt(wanted, path, tools)
      if (digest === wanted.sha256) break
      await forget(path)
      const reason = `its sha256 is ${digest}, the document says ${wanted.sha256}`
      if (wasWrong) throw new Refused(`${url} is not what the document says: ${reason}`)
      wasWrong = true
      tools.watch({ kind: 'setback', file: name, reason: `thrown away and fetched anew: ${reason}` })
    } catch (error) {
      if (error instanceof ImageProblem) throw error
      const reason = reasonOf(error)
      if ((await partOctets(path)) - before >= progressOctets) [failures, pauseMs] = [1, firstPauseMs]
      if (failures >= tries)
        throw new ImageProblem(`${url} cannot be fetched, tried ${tries} times: ${reason}`)
      const seconds = pauseMs / 1000
      tools.watch({ kind: 'setback', file: name, reason: `${reason}; again in ${seconds} s` })
      await pause(tools.clock, pauseMs)
      pauseMs *= 2
    }
  }
  await rename(partOf(path), path)
  await rm(originOf(path), { force: true })
  tools.watch({ kind: 'done', file: name, octets: (await stat(path)).size })
}

/** From an earlier start that ended after this file. */
async function isThere(path: string, { name, sha256 }: RemoteFile, watch: Watch): Promise<boolean> {
  const found = await digestOf(path).catch(() => undefined)
  if (found === undefined) return false
  if (found.sha256 !== sha256) {
    await rm(path, { force: true })
    return false
  }
  watch({ kind: 'begun', file: name, octets: found.octets })
  watch({ kind: 'done', file: name, octets: found.octets })
  return true
}

/** Fetches what is missing of the part. @returns the sha256 of the whole */
async function attempt(
  { name, url, sha256 }: RemoteFile,
  path: string,
  { web, clock, watch }: DownloadTools,
): Promise<string> {
  const origin = await originAt(path)
  if (origin?.sha256 !== sha256) await forget(path)
  const before = await partOctets(path)
  const answer = await web.open(url, {
    method: 'GET',
    headers: before === 0 ? {} : rangeFrom(before, origin),
  })
  try {
    const start = startOf(answer, before, url)
    if (start === undefined) {
      await forget(path)
      throw new Error(`the part of ${before} octets does not fit what the server has`)
    }
    if (start === 0)
      await writeFile(originOf(path), JSON.stringify({ sha256, validator: validatorOf(answer) }))
    watch({ kind: 'begun', file: name, octets: start })
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
        if (at > mostOctets) throw new Refused(`${url} is larger than any image: over ${mostOctets} octets`)
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

/** If-Range takes a strong entity tag or a date (RFC 9110 §13.1.5). */
function validatorOf({ headers }: IncomingMessage): string | undefined {
  const { etag } = headers
  return etag === undefined || etag.startsWith('W/') ? headers['last-modified'] : etag
}

/**
 * Where in the file the answer begins: 0 when the server sends all of it, asked or not; `undefined` when the part is of
 * no use to it. After 416 nothing comes, but the part may be the whole (RFC 9110 §15.5.17).
 *
 * @throws {Refused} or another error, when a later try may fare better
 */
function startOf(answer: IncomingMessage, before: number, url: string): number | undefined {
  const status = answer.statusCode as number
  if (status === 200) return 0
  const range = answer.headers['content-range'] ?? ''
  if (before > 0 && status === 416) return range === `bytes */${before}` ? before : undefined
  if (before > 0 && status === 206) return range.startsWith(`bytes ${before}-`) ? before : undefined
  const sentence = `the server answers ${statusOf(answer)}`
  if (status >= 500 || status === 408 || status === 429) throw new Error(sentence)
  throw new Refused(`${url} cannot be fetched: ${sentence}`)
}

/** What there is of a file, begun or whole. */
export async function begunOctets(path: string): Promise<number> {
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

async function forget(path: string): Promise<void> {
  await rm(partOf(path), { force: true })
  await rm(originOf(path), { force: true })
}

function cannotWrite(error: NodeJS.ErrnoException): never {
  const reason = error.code === 'ENOSPC' ? 'the disk is full' : reasonOf(error)
  throw new ImageProblem(`cannot go on writing: ${reason}; what came so far is kept for the next time`)
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve))
}
