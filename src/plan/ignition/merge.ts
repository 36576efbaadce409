/**
 * Ignition configurations that merge others (https://coreos.github.io/ignition/configuration-v3_4/). A node gets the unchanged
 * file of its role, embedded as a data URL (decision 0017), and what the site adds: Ignition would fetch another URL when the
 * installed system starts, when the token is no longer valid. The role's file is often a pointer, such as `master.ign`: only
 * the URL of the machine configuration and the certificate authority of its server. Pure.
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

/**
 * Reports whether a configuration is only a pointer, which another pointer to the same URL can replace. HTTP headers, a hash,
 * or compression (https://coreos.github.io/ignition/configuration-v3_4/) are an administrator's.
 */
export function isPointer(config: unknown): boolean {
  const { ignition } = fields(config)
  const { config: merged, security } = fields(ignition)
  const { merge } = fields(merged)
  const { tls } = fields(security)
  const [first, ...more] = Array.isArray(merge) ? (merge as readonly unknown[]) : []
  return (
    typeof fields(first)['source'] === 'string' &&
    more.length === 0 &&
    hasOnly(first, 'source') &&
    hasOnly(config, 'ignition') &&
    hasOnly(ignition, 'version', 'config', 'security') &&
    hasOnly(merged, 'merge') &&
    hasOnly(security, 'tls') &&
    hasOnly(tls, 'certificateAuthorities')
  )
}

/** Returns the first URL, not a data URL, that a configuration merges or is replaced by. */
export function pointerUrl(config: unknown): string | undefined {
  const { replace } = fields(fields(fields(config)['ignition'])['config'])
  const { source } = fields(replace)
  return [...mergeSources(config), ...(typeof source === 'string' ? [source] : [])].find(
    (each) => each !== '' && !each.startsWith('data:'),
  )
}

/** Returns the URLs of the configurations that it merges. */
export function mergeSources(config: unknown): readonly string[] {
  const { merge } = fields(fields(fields(config)['ignition'])['config'])
  const all = Array.isArray(merge) ? (merge as readonly unknown[]) : []
  return all.map((each) => fields(each)['source']).filter((source) => typeof source === 'string')
}

function hasOnly(value: unknown, ...names: readonly string[]): boolean {
  return Object.entries(fields(value)).every(([name, each]) => names.includes(name) || isEmpty(each))
}

/** The machine-config operator writes empty fields: `"proxy": {}`, `"verification": {}`. */
function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value === null || value === ''
  return Object.values(value).every(isEmpty)
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}
