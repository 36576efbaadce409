/** Decodes an Ignition file: its version, certificates, and age, or what is wrong with it. */
import type { PlanCode } from '../../plan/codes.ts'
import type { IgnitionAge, IgnitionCertificate, IgnitionContents } from '../../plan/ignition/document.ts'
import { defined } from '../../text/defined.ts'
import { findCertificates } from './certificates.ts'
import type { BigIntStats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { openFile, readOpened, reasonOf } from '../file.ts'

/** `problem` is the rest of a sentence that starts with the path. */
export type Decoded =
  | {
      readonly contents: IgnitionContents
      readonly certificates: readonly IgnitionCertificate[]
    }
  | { readonly code: PlanCode; readonly problem: string }

/** The installer's short-lived certificates are valid for a day (two hours in rotation tests), all others for years. */
const maxShortLifetimeMs = 30 * 86_400_000

/** @param isLive as for {@link versionProblem} */
export function decodeIgnition(octets: Uint8Array, isLive: boolean): Decoded {
  const config = parse(octets)
  if (config === undefined) return { code: 'ignition.invalid', problem: 'is not JSON' }
  const version = config?.ignition?.version
  if (typeof version !== 'string' || version === '') {
    return {
      code: 'ignition.invalid',
      problem: 'is not an Ignition file, because ignition.version is missing',
    }
  }
  const problem = versionProblem(version, isLive)
  if (problem !== undefined) return { code: 'ignition.version-unsupported', problem }
  const { certificates, unread } = findCertificates(config)
  const firstToExpire = certificates.toSorted((one, other) => one.notAfter - other.notAfter)[0]
  return {
    contents: {
      version,
      unread,
      ...defined({ firstToExpire }),
      ...ageOf(certificates),
    },
    certificates,
  }
}

type Config = { readonly ignition?: { readonly version?: unknown } | null } | null

/** Parses JSON as Ignition does: UTF-8 without a byte order mark. */
function parse(octets: Uint8Array): Config | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)) as Config
  } catch {
    return undefined
  }
}

/** A certificate of openshift-install is valid from the same time as its signer, so the latest start is that of the run. */
function ageOf(certificates: readonly IgnitionCertificate[]): IgnitionAge {
  const short = certificates.filter(({ notBefore, notAfter }) => notAfter - notBefore <= maxShortLifetimeMs)
  if (short.length === 0) return {}
  return {
    madeAt: Math.max(...short.map(({ notBefore }) => notBefore)),
    usableUntil: Math.min(...short.map(({ notAfter }) => notAfter)),
  }
}

/**
 * Checks the version of Ignition's specification. Installers wrote 2.2 until 4.5, and 3.1 to 3.5 since 4.6.
 *
 * @param isLive whether all nodes with this file boot the live style (4.6 or later), which reads only version 3
 * @returns what is wrong with the version, as the rest of a sentence
 */
export function versionProblem(version: string, isLive: boolean): string | undefined {
  if (/^3\.[1-5]\.\d+$/.test(version)) return undefined
  if (!/^2\.\d+\.\d+(?:-|$)/.test(version)) {
    return `has Ignition version ${JSON.stringify(version.slice(0, 40))}, but only 3.1 to 3.5 are supported`
  }
  return isLive
    ? `has Ignition version ${version.slice(0, 40)} of an installer before 4.6, but the image reads 3.x: use the openshift-install of the same release`
    : undefined
}

export function majorVersion(version: string): string {
  return version.slice(0, version.indexOf('.'))
}

// Loads one Ignition file from disk completely, or returns why that is not possible.

/** A bootstrap.ign has some hundred KiB. */
const maxBytes = 16 * 1024 * 1024

/** `octets` are the bytes on disk. */
export type Loaded =
  (Decoded & { readonly octets: Uint8Array }) | { readonly code: PlanCode; readonly problem: string }

/** @param isLive as for `versionProblem` */
export async function loadIgnition(path: string, isLive: boolean): Promise<Loaded> {
  try {
    const { file } = await openFile(path)
    const octets = await readWhole(file).finally(() => file.close())
    return { octets, ...decodeIgnition(octets, isLive) }
  } catch (error) {
    return { code: 'ignition.unreadable', problem: reasonOf(error) }
  }
}

/** @throws {Error} if the file is too large, or changes while it is read */
async function readWhole(file: FileHandle): Promise<Uint8Array> {
  const before = await file.stat({ bigint: true })
  if (before.size > maxBytes) {
    throw new Error(`is too large: ${before.size.toString()} bytes, the maximum is ${maxBytes}`)
  }
  const octets = await readOpened(file, Number(before.size))
  const after = await file.stat({ bigint: true })
  if (identityOf(before) !== identityOf(after)) throw new Error('is being written')
  return octets
}

/** Returns a value that changes with the file, except for changes within one tick of the clock. */
export function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}
