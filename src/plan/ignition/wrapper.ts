/**
 * The Ignition file of one node: the unchanged file of its role, and what the site adds
 * (https://coreos.github.io/ignition/configuration-v3_4/). The role's file is embedded as a data URL (decision 0017),
 * because Ignition would fetch another URL when the installed system starts, when the token is no longer valid.
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
 * For a path in both, the role's file has precedence, because a merged configuration overrides the one that merges it.
 *
 * @param version Ignition version of the role's file
 */
export function wrapIgnition(role: Uint8Array, version: string, { files, units = [] }: Additions): string {
  return JSON.stringify({
    ignition: { version, config: { merge: [{ source: dataUrl(role) }] } },
    // Without overwrite, a file that exists in the image (/etc/chrony.conf) would make the first boot fail.
    storage: {
      files: files.map(({ path, mode, content }) => ({
        path,
        overwrite: true,
        mode,
        contents: { source: dataUrl(content) },
      })),
    },
    ...(units.length > 0 && { systemd: { units } }),
  })
}

/** Encodes bytes as a data URL (RFC 2397) in base64 (RFC 4648 §4). */
export function dataUrl(bytes: Uint8Array): string {
  let characters = ''
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    characters += String.fromCharCode(...bytes.subarray(at, at + chunkBytes))
  }
  return `data:;base64,${btoa(characters)}`
}

/** The number of arguments of one call is limited. */
const chunkBytes = 8192
