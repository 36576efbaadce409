/** Records of clusters that survive restarts, in small JSON files: the state of each bootstrap, and the progress. */
import { readFile, rename } from 'node:fs/promises'
import { writeAtomically } from '../host/files.ts'
import type { Log } from '../host/log.ts'

/** Values by cluster name. */
export type ByCluster<T> = ReadonlyMap<string, T>

export type BootstrapState = {
  /** `waiting`: not complete yet. `out`: drained. `kept`: an administrator keeps it in the load balancer. */
  readonly kind: 'waiting' | 'out' | 'kept'
  /** Milliseconds since 1970. */
  readonly since: number
  /** The evidence, or the command: a sentence. */
  readonly reason: string
  /** When its reinstallation started, in milliseconds since 1970: older evidence does not count. */
  readonly installedFrom?: number | undefined
}

/** Times are milliseconds since 1970. `under-way` is a published name. */
export type StageProgress = {
  readonly state: 'under-way' | 'reached'
  /** When it was first seen in progress; absent if it was reached before slipway looked. */
  readonly since?: number
  readonly reachedAt?: number
  readonly note?: string
}

/** The stages of an installation by name; a stage that was not seen yet is absent. */
export type InstallProgress = Readonly<Record<string, StageProgress>>

/**
 * Whether a value of a record has the shape of its type. They are written here, because the packages that validate the
 * site file take 20 MiB of memory.
 */
type Shape<T> = (value: unknown) => value is T

export const isBootstrapState: Shape<BootstrapState> = (value): value is BootstrapState =>
  isObject(value) &&
  isOneOf(value['kind'], ['waiting', 'out', 'kept']) &&
  typeof value['since'] === 'number' &&
  typeof value['reason'] === 'string' &&
  isAbsentOr('number', value['installedFrom'])

export const isInstallProgress: Shape<InstallProgress> = (value): value is InstallProgress =>
  isObject(value) &&
  Object.values(value).every(
    (stage) =>
      isObject(stage) &&
      isOneOf(stage['state'], ['under-way', 'reached']) &&
      isAbsentOr('number', stage['since']) &&
      isAbsentOr('number', stage['reachedAt']) &&
      isAbsentOr('string', stage['note']),
  )

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const isOneOf = (value: unknown, names: readonly string[]): boolean => names.some((name) => name === value)

const isAbsentOr = (type: 'number' | 'string', value: unknown): boolean =>
  value === undefined || typeof value === type

const maxBytes = 1024 * 1024

/**
 * Never rejects. A file that does not exist is an empty record. A damaged file is moved aside, and the clusters in it that
 * can be read are kept, after an error in the log.
 *
 * @param what completes "is not a record of"
 */
export async function readRecord<T>(
  path: string,
  isValid: Shape<T>,
  what: string,
  log: Log,
): Promise<ByCluster<T>> {
  const fail = (reason: string): ByCluster<T> => {
    const facts = { file: path, code: 'state.cluster-record-unreadable', reason }
    log.error(facts, 'cluster record unreadable, starting with its readable part')
    return new Map()
  }
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? new Map() : fail(`cannot read ${path}: ${message}`)
  }
  try {
    if (text.length > maxBytes) throw new RangeError(`${text.length} bytes`)
    const record = JSON.parse(text) as unknown
    if (!isObject(record) || record['version'] !== 1 || !isObject(record['clusters']))
      throw new TypeError(path)
    const entries = Object.entries(record['clusters'])
    const valid = entries.filter((entry): entry is [string, T] => isValid(entry[1]))
    if (valid.length < entries.length) throw new TypeError(path)
    return new Map(valid)
  } catch {
    fail(`${path} is not a record of ${what}${await setAside(path)}`)
    return readableEntries(text, isValid)
  }
}

/** Returns the clusters of a damaged record that can be read: a drained bootstrap stays drained. */
function readableEntries<T>(text: string, isValid: Shape<T>): ByCluster<T> {
  try {
    const { clusters } = JSON.parse(text) as { clusters?: object }
    const entries = Object.entries(clusters ?? {}) as [string, unknown][]
    return new Map(entries.filter((entry): entry is [string, T] => isValid(entry[1])))
  } catch {
    return new Map()
  }
}

/** Renames the file, which an administrator may still need. @returns the end of a sentence */
async function setAside(path: string): Promise<string> {
  const aside = `${path}.damaged-${new Date().toISOString().replaceAll(':', '-')}`
  try {
    await rename(path, aside)
    return `; it was moved to ${aside}`
  } catch (error) {
    return `, and it cannot be moved aside: ${(error as Error).message}`
  }
}

export function logWriteFailure(log: Log, path: string, error: unknown): void {
  const facts = { file: path, code: 'state.cluster-record-not-written', reason: (error as Error).message }
  log.error(facts, 'cluster record write failed')
}

/** Replaces the file as a whole. @throws {NodeJS.ErrnoException} with the old file in place */
export async function writeRecord(path: string, record: ByCluster<unknown>): Promise<void> {
  const text = JSON.stringify({ version: 1, clusters: Object.fromEntries(record) }, undefined, 2)
  await writeAtomically(path, `${text}\n`, 0o600)
}
