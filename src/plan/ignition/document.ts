/**
 * Ignition files: what the scan reads from one (src/scan/ignition), the file of the live system, and files that merge others
 * (https://coreos.github.io/ignition/configuration-v3_4/). A node gets the unchanged file of its role, embedded as a data URL
 * (decision 0017), and what the site adds. Ignition would fetch another URL only when the installed system starts, when the
 * token is no longer valid. The file of the role is often a pointer, such as `master.ign`, with only the URL of the machine
 * configuration and the certificate authority of its server. Times are milliseconds since 1970. Pure.
 */
import type { MirrorStorage } from '../disks/mirror.ts'
import {
  diskCheckScript,
  diskCheckScriptPath,
  installerConfigPath,
  renderDiskCheckUnit,
} from './disk-check.ts'
import { renderFailedUnits, renderWrittenUnit, type Unit } from './units.ts'

export type IgnitionCertificate = {
  /** For example `O=kube-master, CN=system:kube-apiserver`; printable characters only. */
  readonly subject: string
  readonly notBefore: number
  readonly notAfter: number
  /** The path on the node of the file that contains it, or its path in the configuration. */
  readonly where: string
}

/**
 * The age of a file, by the certificates with a lifetime of about a day that the installer puts into it, not by those that an
 * administrator adds. Both are absent without such certificates: pointers to the machine configuration server do not age.
 */
export type IgnitionAge = {
  /** When the installer created the file. */
  readonly madeAt?: number
  /** When the first of those certificates expires. */
  readonly usableUntil?: number
}

export type IgnitionContents = IgnitionAge & {
  /** `ignition.version` */
  readonly version: string
  /** Among all certificates, including long-lived ones and those that the installer did not create. */
  readonly firstToExpire?: IgnitionCertificate
  /** Number of parts that may be or contain certificates and could not be read. */
  readonly unread: number
  /** What Ignition does not accept in it, such as `storage.files.3.path: got …`; absent if there is nothing. */
  readonly faults?: readonly string[]
  /** Set if the file fetches a configuration from a server. */
  readonly pointer?: {
    readonly url: string
    /** Whether, apart from that, the file contains only certificate authorities. */
    readonly isPlain: boolean
  }
}

/** A whole Ignition file. */
export type IgnitionDocument = IgnitionContents & {
  readonly path: string
  /** The bytes on disk. */
  readonly octets: Uint8Array
  /** Without duplicates, in the order of the file. */
  readonly certificates: readonly IgnitionCertificate[]
}

/** `problem` is a sentence. */
export type IgnitionRead =
  | {
      readonly kind: 'read'
      readonly document: IgnitionDocument
      /** Set if the file on disk is now invalid, and this is the previous version. */
      readonly problem?: string
    }
  | { readonly kind: 'unreadable'; readonly problem: string }

/** Reads Ignition files while serving. */
export type IgnitionFiles = {
  /** Never throws. A file that did not change is not read again. */
  read(path: string): Promise<IgnitionRead>
}

/**
 * Renders the Ignition file of the live system that runs coreos-installer (`ignition.config.url=` with
 * `ignition.firstboot ignition.platform.id=metal`). It reports the end of the installation to slipway.
 */
export function renderLiveIgnition(
  options: LiveReports & {
    /** Ignition version, as in the role's file of the same release. */
    readonly version: string
  },
): string {
  const { files, units } = liveFiles(options)
  return JSON.stringify({
    ignition: { version: options.version },
    storage: { files },
    systemd: { units },
  })
}

/** URLs that a live system reports to. */
export type LiveReports = {
  /** `POST` reports that the disk is written. */
  readonly writtenUrl: string
  /** `POST` reports that the installer failed. */
  readonly failedUrl: string
  /** `POST` asks whether the disk may be overwritten. */
  readonly diskUrl: string
  /** More units. */
  readonly units?: readonly Unit[]
  /** Disks to check besides the one in the kernel arguments. */
  readonly otherDisks?: readonly string[]
  /** Configuration of coreos-installer, in YAML. */
  readonly installerConfig?: string
}

/** Returns the entries of `storage.files` and `systemd.units` with which a live system reports. */
export function liveFiles(reports: LiveReports): {
  readonly files: readonly object[]
  readonly units: readonly Unit[]
} {
  const { writtenUrl, failedUrl, diskUrl, otherDisks = [], installerConfig, units = [] } = reports
  const file = (path: string, text: string, mode: number) => {
    const contents = { source: dataUrl(new TextEncoder().encode(text)) }
    return { path, overwrite: true, mode, contents }
  }
  return {
    files: [
      file(diskCheckScriptPath, diskCheckScript, 0o755),
      ...(installerConfig === undefined ? [] : [file(installerConfigPath, installerConfig, 0o644)]),
    ],
    units: [
      renderDiskCheckUnit(diskUrl, otherDisks),
      renderWrittenUnit(writtenUrl),
      ...renderFailedUnits(failedUrl),
      ...units,
    ],
  }
}

export type AddedFile = {
  /** On the node. */
  readonly path: string
  readonly mode: number
  readonly content: Uint8Array
}

export type Additions = {
  readonly files: readonly AddedFile[]
  /** Partition tables, arrays, and file systems. */
  readonly storage?: MirrorStorage
  readonly units?: readonly Unit[]
}

/**
 * For a path in both, the role's file has precedence, because a merged configuration overrides the one that merges it.
 *
 * @param version Ignition version of the role's file
 */
export function wrapIgnition(
  role: Uint8Array,
  version: string,
  { files, storage, units = [] }: Additions,
): string {
  return JSON.stringify({
    ignition: { version, config: { merge: [{ source: dataUrl(role) }] } },
    // Without overwrite, a file that exists in the image (/etc/chrony.conf) would make the first boot fail.
    storage: {
      ...storage,
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
