/** Records of clusters that survive restarts, in small JSON files: the state of each bootstrap, and the progress. */
import { readFile, rename } from 'node:fs/promises'
import { z } from 'zod'
import { writeAtomically } from '../host/files.ts'
import type { Log } from '../host/log.ts'

/** Values by cluster name. */
export type ByCluster<T> = ReadonlyMap<string, T>

export const bootstrapStateShape = z.object({
  /** `waiting`: not complete yet. `out`: drained. `kept`: an administrator keeps it in the load balancer. */
  kind: z.enum(['waiting', 'out', 'kept']),
  /** Milliseconds since 1970. */
  since: z.number(),
  /** The evidence, or the command: a sentence. */
  reason: z.string(),
  /** When its reinstallation started, in milliseconds since 1970: older evidence does not count. */
  installedFrom: z.number().optional(),
})

export type BootstrapState = Readonly<z.output<typeof bootstrapStateShape>>

/** Times are milliseconds since 1970. `under-way` is a published name. */
export const installProgressShape = z.record(
  z.string(),
  z.object({
    state: z.enum(['under-way', 'reached']),
    /** When it was first seen in progress; absent if it was reached before slipway looked. */
    since: z.number().exactOptional(),
    reachedAt: z.number().exactOptional(),
    note: z.string().exactOptional(),
  }),
)

/** The stages of an installation by name; a stage that was not seen yet is absent. */
export type InstallProgress = Readonly<z.output<typeof installProgressShape>>

const maxBytes = 1024 * 1024

/**
 * Never rejects. A file that does not exist is an empty record. A damaged file is moved aside, and the clusters in it that
 * can be read are kept, after an error in the log.
 *
 * @param what completes "is not a record of"
 */
export async function readRecord<T>(
  path: string,
  shape: z.ZodType<T>,
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
    const record = z.object({ version: z.literal(1), clusters: z.record(z.string(), shape) })
    return new Map(Object.entries(record.parse(JSON.parse(text)).clusters))
  } catch {
    fail(`${path} is not a record of ${what}${await setAside(path)}`)
    return readableEntries(text, shape)
  }
}

/** Returns the clusters of a damaged record that can be read: a drained bootstrap stays drained. */
function readableEntries<T>(text: string, shape: z.ZodType<T>): ByCluster<T> {
  try {
    const { clusters } = JSON.parse(text) as { clusters?: object }
    return new Map(
      Object.entries(clusters ?? {}).flatMap(([name, value]): [string, T][] => {
        const parsed = shape.safeParse(value)
        return parsed.success ? [[name, parsed.data]] : []
      }),
    )
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
