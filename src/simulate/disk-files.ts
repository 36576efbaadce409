/** Compares downloads with the files on the disk. Each file is read only once, however many nodes download it. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { FileFact } from '../plan/facts.ts'
import { BootProblem } from './timeline.ts'

type Sent = { readonly octets: number; readonly sha256: string }

export type DiskFiles = {
  /**
   * Compares a download with the file on this machine.
   *
   * @throws {BootProblem} when they differ, or the file does not exist
   */
  compare(sent: Sent, fact: FileFact | undefined): Promise<void>
}

export function openDiskFiles(): DiskFiles {
  const digests = new Map<string, Promise<string>>()
  return {
    async compare(sent, fact) {
      if (fact?.kind !== 'found') {
        throw new BootProblem(
          'a file of the site',
          'a file that the site does not name',
          fact?.problem ?? 'the site file',
        )
      }
      const { path, octets } = fact
      const digest = digests.get(path) ?? digestOf(path)
      digests.set(path, digest)
      const sha256 = await digest
      if (sent.octets === octets && sent.sha256 === sha256) return
      throw new BootProblem(
        `the content of ${path} (${octets} bytes, sha256 ${sha256})`,
        `${sent.octets} bytes, sha256 ${sent.sha256}`,
        'whether the file was replaced since the site was loaded',
      )
    },
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(path), hash)
  } catch (error) {
    throw new BootProblem(`to read ${path}`, (error as Error).message, 'its owner and mode')
  }
  return hash.digest('hex')
}
