/**
 * What the scan reads from an Ignition file (src/scan/ignition): its version and the validity of the certificates in it;
 * and the Ignition file of the live system. Times are milliseconds since 1970.
 */
import {
  diskCheckScript,
  diskCheckScriptPath,
  renderDiskCheckUnit,
  renderFailedUnits,
  renderWrittenUnit,
} from './units.ts'
import { dataUrl } from './merge.ts'

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
 * administrator adds. Both are absent
 * without such certificates: pointers to the machine configuration server do not age.
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
  /** Set if the file fetches a configuration from a server. */
  readonly pointer?: {
    readonly url: string
    /** Whether the file has nothing else but certificate authorities. */
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
export function renderLiveIgnition(options: {
  /** `POST` reports that the disk is written. */
  readonly writtenUrl: string
  /** `POST` reports that the installer failed. */
  readonly failedUrl: string
  /** `POST` asks whether the disk may be overwritten. */
  readonly diskUrl: string
  /** Ignition version, as in the role's file of the same release. */
  readonly version: string
}): string {
  const { writtenUrl, failedUrl, diskUrl, version } = options
  const script = { source: dataUrl(new TextEncoder().encode(diskCheckScript)) }
  return JSON.stringify({
    ignition: { version },
    storage: { files: [{ path: diskCheckScriptPath, overwrite: true, mode: 0o755, contents: script }] },
    systemd: {
      units: [renderDiskCheckUnit(diskUrl), renderWrittenUnit(writtenUrl), ...renderFailedUnits(failedUrl)],
    },
  })
}
