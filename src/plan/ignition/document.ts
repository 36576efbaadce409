/**
 * What is known of an Ignition file that was read (src/scan/ignition): its version, and how long the certificates inside
 * are good for. Times are milliseconds since 1970.
 */
import { renderFailedUnits, renderWrittenUnit } from './units.ts'

export type IgnitionCertificate = {
  /** As `O=kube-master, CN=system:kube-apiserver`, printable characters only. */
  readonly subject: string
  readonly notBefore: number
  readonly notAfter: number
  /** The path on the node of the file that holds it, or its place in the configuration. */
  readonly where: string
}

/**
 * How old a file is, told by the certificates of about a day that the installer puts into it. Both are absent when it holds
 * none: pointers to the machine configuration server do not age.
 */
export type IgnitionAge = {
  /** When the installer made it. */
  readonly madeAt?: number
  /** When the first of those certificates expires. */
  readonly usableUntil?: number
}

export type IgnitionContents = IgnitionAge & {
  /** `ignition.version` */
  readonly version: string
  /** Of all certificates, long-lived ones and those of others among them. */
  readonly firstToExpire?: IgnitionCertificate
  /** Parts that look like certificates, or like what may hold some, and could not be read. */
  readonly unread: number
}

/** A whole file. */
export type IgnitionDocument = IgnitionContents & {
  readonly path: string
  /** As they are on the disk. */
  readonly octets: Uint8Array
  /** Each once, in the order of the file. */
  readonly certificates: readonly IgnitionCertificate[]
}

/** `problem`: a whole sentence. */
export type IgnitionRead =
  | {
      readonly kind: 'read'
      readonly document: IgnitionDocument
      /** Why this is not what is on the disk now: that was judged, and is worse. */
      readonly problem?: string
    }
  | { readonly kind: 'unreadable'; readonly problem: string }

/** Ignition files as they are on the disk at this moment. */
export type IgnitionFiles = {
  /** Never throws. A file that did not change since is not read again. */
  read(path: string): Promise<IgnitionRead>
}

/**
 * The Ignition file of the live system that runs coreos-installer (`ignition.config.url=` with `ignition.firstboot
 * ignition.platform.id=metal`), not of the one that it installs: it tells slipway how the installation ended.
 */

export function renderLiveIgnition(options: {
  /** Where `POST` says that the disk is written. */
  readonly writtenUrl: string
  /** Where `POST` says that the installer failed. */
  readonly failedUrl: string
  /** Of the role's file: it is of the same release as the live system. */
  readonly version: string
}): string {
  const { writtenUrl, failedUrl, version } = options
  return JSON.stringify({
    ignition: { version },
    systemd: { units: [renderWrittenUnit(writtenUrl), ...renderFailedUnits(failedUrl)] },
  })
}
