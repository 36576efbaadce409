/**
 * The fingerprints of BMC certificates that slipway saw first, as SSH does with host keys. Kept in the state directory, or only in
 * memory without one.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from '../host/files.ts'
import { BmcProblem } from './problem.ts'

export type Pins = {
  /** @throws {BmcProblem} when the file is damaged: a new pin would accept any certificate */
  get(bmc: string): Promise<string | undefined>
  /** @throws {BmcProblem} when it cannot be written */
  set(bmc: string, fingerprint: string): Promise<void>
}

const fileName = 'bmc-certificates.json'

/** @param directory state directory @param isReading whether new fingerprints are kept only in memory */
export function createPins(directory: string | undefined, isReading = false): Pins {
  const path = directory === undefined ? undefined : join(directory, fileName)
  let loading: Promise<Map<string, string>> | undefined
  let writing: Promise<unknown> = Promise.resolve()

  const load = (): Promise<Map<string, string>> => {
    loading ??= path === undefined ? Promise.resolve(new Map()) : readPins(path)
    // A damaged file can be corrected while slipway runs.
    loading.catch(() => (loading = undefined))
    return loading
  }

  return {
    get: async (bmc) => (await load()).get(bmc),
    async set(bmc, fingerprint) {
      const pins = await load()
      pins.set(bmc, fingerprint)
      if (path === undefined || isReading) return
      const text = `${JSON.stringify(Object.fromEntries(pins), undefined, 2)}\n`
      const written = writing.then(() => writeAtomically(path, text, 0o600))
      writing = written.catch(() => undefined)
      try {
        await written
      } catch (error) {
        throw unusable(path, (error as Error).message)
      }
    },
  }
}

async function readPins(path: string): Promise<Map<string, string>> {
  try {
    const text = await readFile(path, 'utf8')
    return new Map(Object.entries(JSON.parse(text) as Record<string, string>))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw unusable(path, (error as Error).message)
  }
}

function unusable(path: string, why: string): BmcProblem {
  const message = `cannot use the fingerprints of BMC certificates in ${path}: ${why}; correct or remove the file`
  return new BmcProblem('bmc.pins-unusable', message)
}
