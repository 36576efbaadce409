/**
 * A node's own Ignition file: its role's, byte for byte, and what the site adds to it
 * (https://coreos.github.io/ignition/configuration-v3_4/). The role's file is inside as a data URL (decision 0017): Ignition
 * would fetch any other URL when the installed system starts, and by then nobody may read the file any more.
 */
import type { Unit } from './units.ts'

export type AddedFile = {
  /** On the node. */
  readonly path: string
  readonly mode: number
  readonly content: Uint8Array
}

export type Additions = {
  readonly files: readonly AddedFile[]
  readonly units?: readonly Unit[]
}

/**
 * Where the role's file says something about a path of `additions`, its word counts: a merged configuration comes before
 * the one that it is merged into.
 *
 * @param version of the role's file: whatever reads that can read this
 */
export function wrapIgnition(role: Uint8Array, version: string, { files, units = [] }: Additions): string {
  return JSON.stringify({
    ignition: { version, config: { merge: [{ source: dataUrl(role) }] } },
    // What is in the image already (/etc/chrony.conf) would end the first boot, were it not overwritten.
    storage: {
      files: files.map(({ path, mode, content }) => ({
        path,
        overwrite: true,
        mode,
        contents: { source: dataUrl(content) },
      })),
    },
    ...(units.length === 0 ? {} : { systemd: { units } }),
  })
}

/** Octets as a URL of their own (RFC 2397), in base64 (RFC 4648 §4). */

/** As many as a function takes arguments. */
const chunkOctets = 8192

export function dataUrl(octets: Uint8Array): string {
  let characters = ''
  for (let at = 0; at < octets.length; at += chunkOctets) {
    characters += String.fromCharCode(...octets.subarray(at, at + chunkOctets))
  }
  return `data:;base64,${btoa(characters)}`
}
