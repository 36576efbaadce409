/** What is kept of clusters over restarts: small files of JSON, each replaced as a whole. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { writeAtomically } from '../host/files.ts'

/** By the cluster's name. */
export type ByCluster<T> = ReadonlyMap<string, T>

const mostOctets = 1024 * 1024

/**
 * Of a file that is not there: nothing.
 *
 * @param what goes on from "is no record of"
 * @throws {Error} with a sentence when it is there and is no record
 */
export async function readRecord<T>(path: string, shape: z.ZodType<T>, what: string): Promise<ByCluster<T>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw new Error(`cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
  try {
    if (text.length > mostOctets) throw new RangeError(`${text.length} octets`)
    const record = z.object({ version: z.literal(1), clusters: z.record(z.string(), shape) })
    return new Map(Object.entries(record.parse(JSON.parse(text)).clusters))
  } catch (error) {
    throw new Error(`${path} is no record of ${what}, so nothing is known of before`, { cause: error })
  }
}

/** @throws {NodeJS.ErrnoException} with the old one in place */
export async function writeRecord(path: string, record: ByCluster<unknown>): Promise<void> {
  const text = JSON.stringify({ version: 1, clusters: Object.fromEntries(record) }, undefined, 2)
  await writeAtomically(path, `${text}\n`, 0o600)
}
