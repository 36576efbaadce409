/** Whether each cluster's bootstrap is done with, over restarts: a small file that is replaced as a whole. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { writeAtomically } from '../host/files.ts'

const stateShape = z.object({
  /** `waiting`: looked for. `out`: it has left. `kept`: it stays because the operator says so. */
  kind: z.enum(['waiting', 'out', 'kept']),
  /** Milliseconds since 1970. */
  since: z.number(),
  /** A sentence: what was seen, or who said so. */
  reason: z.string(),
})
const recordShape = z.object({ version: z.literal(1), clusters: z.record(z.string(), stateShape) })

export type BootstrapState = Readonly<z.output<typeof stateShape>>

/** By the cluster's name. */
export type BootstrapRecord = ReadonlyMap<string, BootstrapState>

const mostOctets = 1024 * 1024

/** Of a file that is not there: nothing. @throws {Error} with a sentence when it is there and is no record */
export async function readBootstrapRecord(path: string): Promise<BootstrapRecord> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw new Error(`cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
  try {
    if (text.length > mostOctets) throw new RangeError(`${text.length} octets`)
    return new Map(Object.entries(recordShape.parse(JSON.parse(text)).clusters))
  } catch (error) {
    throw new Error(`${path} is no record of bootstraps, so nothing is known of before`, { cause: error })
  }
}

/** @throws {NodeJS.ErrnoException} with the old one in place */
export async function writeBootstrapRecord(path: string, record: BootstrapRecord): Promise<void> {
  const text = JSON.stringify({ version: 1, clusters: Object.fromEntries(record) }, undefined, 2)
  await writeAtomically(path, `${text}\n`, 0o600)
}
