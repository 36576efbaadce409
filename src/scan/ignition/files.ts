/**
 * Loads Ignition files from disk, completely or not at all; a worker decodes large ones. While slipway serves, files are
 * loaded again when they change, and checked before use. An invalid version does
 * not replace the valid one before it. A file that was removed is no longer served. Files that a running cluster provides are
 * checked too: whether a new machine can join the cluster with them.
 */
import type { BigIntStats } from 'node:fs'
import { stat, type FileHandle } from 'node:fs/promises'
import type { Clock } from '../../host/clock.ts'
import type { Log } from '../../host/log.ts'
import { runInWorker } from '../../host/worker.ts'
import type { PlanCode } from '../../plan/codes.ts'
import {
  mergeSources,
  type IgnitionDocument,
  type IgnitionFiles,
  type IgnitionRead,
} from '../../plan/ignition/document.ts'
import { formatMinute } from '../../plan/ignition/findings.ts'
import { clusterDomain } from '../../plan/model.ts'
import { formatIp } from '../../proto/address/ip.ts'
import { endpointsOf } from '../../site/declared.ts'
import type { Cluster } from '../../site/schema.ts'
import { defined } from '../../text/defined.ts'
import type { ScanCode } from '../codes.ts'
import { openFile, readOpened, reasonOf } from '../file.ts'
import { decodeIgnition, majorVersion, type Decoded } from './decode.ts'

type Kept = {
  /** Identity of the version that was last seen on disk. */
  readonly identity: string
  /** Whether another change would change the identity: the file did not change recently. */
  readonly isSettled: boolean
  readonly good: IgnitionDocument | undefined
  /** Why the version on disk is not used, a sentence. */
  readonly problem: string | undefined
}

/** Two changes within one tick of the file system's clock are indistinguishable; a tick of FAT is 2 s. */
const settledMs = 2000

export function createIgnitionFiles(options: { readonly clock: Clock; readonly log: Log }): IgnitionFiles {
  const kept = new Map<string, Kept>()
  const inFlight = new Map<string, Promise<IgnitionRead>>()
  return {
    // Many nodes request the file at the same time; it is read once for them.
    read(path) {
      const reading = inFlight.get(path) ?? read(path).finally(() => inFlight.delete(path))
      inFlight.set(path, reading)
      return reading
    },
  }

  async function read(path: string): Promise<IgnitionRead> {
    const seen = await look(path)
    const before = kept.get(path)
    if (seen.kind === 'gone') {
      kept.delete(path)
      return { kind: 'unreadable', problem: seen.problem }
    }
    if (before?.isSettled === true && before.identity === seen.identity) return answer(before)
    const now = update(path, before, seen, await loadIgnition(path, false))
    kept.set(path, now)
    if (before?.good !== undefined) logChange(path, before, now)
    return answer(now)
  }

  function update(path: string, before: Kept | undefined, seen: Seen, loaded: Loaded): Kept {
    const isSettled = seen.changedAt < options.clock.now() - settledMs
    const good = before?.good
    const checked = 'problem' in loaded ? loaded : documentOf(path, loaded, good)
    return 'problem' in checked
      ? { ...seen, isSettled, good, problem: `${path} ${checked.problem}` }
      : { ...seen, isSettled, good: checked, problem: undefined }
  }

  function logChange(file: string, before: Kept, now: Kept): void {
    if (before.identity === now.identity && before.problem === now.problem) return
    if (now.problem === undefined) options.log.info({ file }, 'Ignition file replaced')
    else {
      const facts = { code: 'ignition.replacement-rejected' satisfies ScanCode, file, reason: now.problem }
      options.log.error(facts, 'new Ignition file rejected, previous version served')
    }
  }
}

type Seen = { readonly kind: 'there'; readonly identity: string; readonly changedAt: number }

/** After an error other than a missing file, loading reports what is wrong. */
async function look(path: string): Promise<Seen | { readonly kind: 'gone'; readonly problem: string }> {
  try {
    const found = await stat(path, { bigint: true })
    const changedAt = Number(found.ctimeMs > found.mtimeMs ? found.ctimeMs : found.mtimeMs)
    return { kind: 'there', identity: identityOf(found), changedAt }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR')
      return { kind: 'gone', problem: `${path} ${reasonOf(error)}` }
    return { kind: 'there', identity: String(code), changedAt: Number.POSITIVE_INFINITY }
  }
}

/** The plan was compiled for the previous version, and an image reads either Ignition 2 or 3. */
function documentOf(
  path: string,
  { octets, contents, certificates }: Exclude<Loaded, { problem: string }>,
  good: IgnitionDocument | undefined,
): IgnitionDocument | { readonly problem: string } {
  if (good !== undefined && majorVersion(good.version) !== majorVersion(contents.version)) {
    return { problem: `has Ignition version ${contents.version}, but the previous file had ${good.version}` }
  }
  return { path, octets, certificates, ...contents }
}

function answer({ good, problem }: Kept): IgnitionRead {
  if (good === undefined) return { kind: 'unreadable', problem: problem as string }
  return { kind: 'read', document: good, ...defined({ problem }) }
}

/** `problem` is the rest of a sentence that starts with the name of the file. */
type ProvidedFileCheck = { readonly document: IgnitionDocument } | { readonly problem: string }

/**
 * @param path name of the file
 * @param now milliseconds since 1970
 */
export function checkProvidedFile(
  cluster: Cluster,
  path: string,
  octets: Uint8Array,
  now: number,
): ProvidedFileCheck {
  // A running cluster writes version 3.
  const decoded = decodeIgnition(octets, true)
  if ('problem' in decoded) return decoded
  const sources = mergeSources(JSON.parse(Buffer.from(octets).toString('utf8')))
  if (sources.length === 0) return { problem: 'does not point to a configuration' }
  const unexpected = sources.find((source) => !isConfigUrl(cluster, source))
  if (unexpected !== undefined) {
    const expected = `https://api-int.${clusterDomain(cluster)}:22623/config/…`
    return { problem: `points to ${JSON.stringify(unexpected.slice(0, 100))}, expected ${expected}` }
  }
  const { certificates, contents } = decoded
  const end = Math.max(...certificates.map(({ notAfter }) => notAfter))
  if (certificates.length > 0 && end <= now) {
    return { problem: `trusts only a certificate authority that expired at ${formatMinute(end)}` }
  }
  return { document: { path, octets, certificates, ...contents } }
}

/** Reports whether a URL is that of the machine configuration server, by the name or an address of the API. */
function isConfigUrl(cluster: Cluster, source: string): boolean {
  if (!URL.canParse(source)) return false
  const { protocol, hostname, port, pathname } = new URL(source)
  const { api, apiInternal } = endpointsOf(cluster)
  const hosts = [`api-int.${clusterDomain(cluster)}`, ...[...apiInternal, ...api].map(formatIp)]
  return (
    protocol === 'https:' &&
    port === '22623' &&
    hosts.includes(hostname.replace(/^\[(.*)\]$/, '$1')) &&
    /^\/config\/[\w.-]+$/.test(pathname)
  )
}

/** A bootstrap.ign has a few hundred KiB. */
const maxBytes = 16 * 1024 * 1024
/** Decoding a file of this size takes about 10 ms. */
const maxInlineBytes = 384 * 1024
/** Enough for the largest file with its parsed values and unpacked parts. */
const workerMebibytes = 512

/** `octets` are the bytes on disk. */
export type Loaded =
  (Decoded & { readonly octets: Uint8Array }) | { readonly code: PlanCode; readonly problem: string }

/** @param isLive as for `versionProblem` */
export async function loadIgnition(path: string, isLive: boolean): Promise<Loaded> {
  try {
    const { file } = await openFile(path)
    const octets = await readWhole(file).finally(() => file.close())
    return {
      octets,
      ...(octets.length > maxInlineBytes
        ? await decodeInWorker(octets, isLive)
        : decodeIgnition(octets, isLive)),
    }
  } catch (error) {
    return { code: 'ignition.unreadable', problem: reasonOf(error) }
  }
}

/** Keeps the work of a large file off the event loop. @throws {Error} if the worker fails */
async function decodeInWorker(octets: Uint8Array, isLive: boolean): Promise<Decoded> {
  const decoded = await runInWorker<Decoded>(
    { url: import.meta.url, name: './decode-worker', maxMebibytes: workerMebibytes },
    { octets, isLive },
  )
  return (
    decoded ?? {
      code: 'ignition.invalid',
      problem: `needs more than ${workerMebibytes} MiB of memory to be read`,
    }
  )
}

/** @throws {Error} if the file is too large, or changes while it is read */
async function readWhole(file: FileHandle): Promise<Uint8Array> {
  const before = await file.stat({ bigint: true })
  if (before.size > maxBytes) {
    throw new Error(`is too large: ${before.size.toString()} bytes, the maximum is ${maxBytes}`)
  }
  const octets = await readOpened(file, Number(before.size))
  const after = await file.stat({ bigint: true })
  if (identityOf(before) !== identityOf(after)) throw new Error('is being written')
  return octets
}

/** Returns a value that changes with the file, except for changes within one tick of the clock. */
export function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}
