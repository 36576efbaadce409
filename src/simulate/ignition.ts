/** Whether what came is an Ignition file that an installer would take (coreos.github.io/ignition, v3 specs). */
import { BootProblem } from './boot-problem.ts'

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
    version === undefined ? 'one without ignition.version' : JSON.stringify(version),
    'the directory that ignition names in the site file',
  )
}

function versionOf(text: string): unknown {
  try {
    const file = JSON.parse(text) as { readonly ignition?: { readonly version?: unknown } } | null
    return file?.ignition?.version
  } catch {
    return 'text that is not JSON'
  }
}
