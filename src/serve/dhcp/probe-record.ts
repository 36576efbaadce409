/**
 * The record of networks on which no other DHCP server answered. With it, a restart leases at once. Without it, slipway
 * leases after the probe, so losing the record does no harm.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from '../../host/files.ts'
import type { Log } from '../../host/log.ts'

export type ProbeRecord = {
  /** @param key a network, and the interface on it */
  has(key: string): boolean
  keep(key: string): void
  remove(key: string): void
  /** Resolves when the file has all changes; never rejects. */
  saved(): Promise<void>
}

const fileName = 'dhcp-probes.json'

/** @param directory the state directory; without it, the record ends with the process */
export async function openProbeRecord(directory: string | undefined, log: Log): Promise<ProbeRecord> {
  const path = directory === undefined ? undefined : join(directory, fileName)
  const keys = new Set(path === undefined ? [] : await read(path))
  let saving = Promise.resolve()

  function save(): void {
    if (path === undefined) return
    saving = saving.then(async () => {
      try {
        await writeAtomically(path, `${JSON.stringify({ clean: [...keys] })}\n`, 0o600)
      } catch (error) {
        log.warn({ file: path, err: error }, 'record of DHCP probes not written')
      }
    })
  }

  return {
    has: (key) => keys.has(key),
    keep(key) {
      if (keys.has(key)) return
      keys.add(key)
      save()
    },
    remove(key) {
      if (keys.delete(key)) save()
    },
    saved: () => saving,
  }
}

/** Returns no keys if the file is missing or damaged. */
async function read(path: string): Promise<string[]> {
  try {
    const { clean } = JSON.parse(await readFile(path, 'utf8')) as { readonly clean?: unknown }
    return Array.isArray(clean) ? clean.filter((key) => typeof key === 'string') : []
  } catch {
    return []
  }
}
