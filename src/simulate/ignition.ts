/** Checks that a file is an Ignition file that the installer accepts (coreos.github.io/ignition, v3 specs). */
import { createHash } from 'node:crypto'
import { BootProblem } from './timeline.ts'

/**
 * @returns its version
 * @throws {BootProblem}
 */
export function readIgnition(text: string, url: string): string {
  const version = versionOf(text)
  // RHCOS since 4.6 reads specification 3; 4.5 and before read 2.
  if (typeof version === 'string' && /^[23]\.\d+\.\d+$/.test(version)) return version
  throw new BootProblem(
    `an Ignition file with a version 2.x or 3.x from ${url}`,
    version === undefined ? 'a file without ignition.version' : JSON.stringify(version),
    'the directory of the key ignition in the site file',
  )
}

/**
 * Returns size and digest of the role's file inside a wrapper, as Ignition merges it.
 *
 * @throws {BootProblem}
 */
export function mergedFile(text: string, url: string): { readonly octets: number; readonly sha256: string } {
  const prefix = 'data:;base64,'
  const source = firstMerged(text)
  if (source?.startsWith(prefix) !== true) {
    throw new BootProblem(
      `a configuration to merge in the file from ${url}`,
      source === undefined ? 'none' : `one from ${source.slice(0, 80)}`,
      'files, hostname, and networkKeyfiles of the node in the site file',
    )
  }
  const role = Buffer.from(source.slice(prefix.length), 'base64')
  return { octets: role.length, sha256: createHash('sha256').update(role).digest('hex') }
}

type Wrapper = {
  readonly ignition?: { readonly config?: { readonly merge?: readonly { readonly source?: string }[] } }
}

function firstMerged(text: string): string | undefined {
  try {
    return (JSON.parse(text) as Wrapper | null)?.ignition?.config?.merge?.[0]?.source
  } catch {
    return undefined
  }
}

function versionOf(text: string): unknown {
  try {
    const file = JSON.parse(text) as { readonly ignition?: { readonly version?: unknown } } | null
    return file?.ignition?.version
  } catch {
    return 'text that is not JSON'
  }
}
