/** The octets of an Ignition file read as what they are: version, certificates, age; or what is wrong with them. */
import type { IgnitionAge, IgnitionCertificate, IgnitionContents } from '../../plan/ignition/document.ts'
import { findCertificates } from './certificates.ts'

/** `problem`: the rest of a sentence that begins with the path. */
export type Decoded =
  | {
      readonly contents: IgnitionContents
      readonly certificates: readonly IgnitionCertificate[]
    }
  | { readonly problem: string }

/** The installer gives a day, and clusters that try out rotation two hours; all others get a year or ten. */
const longestShortLifeMs = 30 * 86_400_000

/** @param isLive as for {@link versionProblem} */
export function decodeIgnition(octets: Uint8Array, isLive: boolean): Decoded {
  const config = parse(octets)
  if (config === undefined) return { problem: 'is not JSON' }
  const version = config?.ignition?.version
  if (typeof version !== 'string' || version === '') {
    return { problem: 'is no Ignition file, it lacks ignition.version' }
  }
  const problem = versionProblem(version, isLive)
  if (problem !== undefined) return { problem }
  const { certificates, unread } = findCertificates(config)
  const firstToExpire = certificates.toSorted((one, other) => one.notAfter - other.notAfter)[0]
  return {
    contents: {
      version,
      unread,
      ...(firstToExpire === undefined ? {} : { firstToExpire }),
      ...ageOf(certificates),
    },
    certificates,
  }
}

type Config = { readonly ignition?: { readonly version?: unknown } | null } | null

/** As Ignition reads it: UTF-8 without a byte order mark. */
function parse(octets: Uint8Array): Config | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)) as Config
  } catch {
    return undefined
  }
}

/** A server's certificate begins when its signer's does (openshift-install), so the youngest beginning is the run's. */
function ageOf(certificates: readonly IgnitionCertificate[]): IgnitionAge {
  const short = certificates.filter(({ notBefore, notAfter }) => notAfter - notBefore <= longestShortLifeMs)
  if (short.length === 0) return {}
  return {
    madeAt: Math.max(...short.map(({ notBefore }) => notBefore)),
    usableUntil: Math.min(...short.map(({ notAfter }) => notAfter)),
  }
}

/** Which versions of Ignition's specification are taken. Installers wrote 2.2 until 4.5, 3.1 to 3.5 since 4.6. */

/**
 * @param isLive whether all that boots with it is of the live style (4.6 or later), which reads version 3 only
 * @returns what is wrong with a version, as the rest of a sentence
 */
export function versionProblem(version: string, isLive: boolean): string | undefined {
  if (/^3\.[1-5]\.\d+$/.test(version)) return undefined
  if (!/^2\.\d+\.\d+(?:-|$)/.test(version)) {
    return `is Ignition ${JSON.stringify(version.slice(0, 40))}, only 3.1 to 3.5 are known`
  }
  return isLive
    ? `is Ignition ${version.slice(0, 40)}, of an installer before 4.6; the image reads 3.x, so the openshift-install of its own release has to make the file`
    : undefined
}

export function majorVersion(version: string): string {
  return version.slice(0, version.indexOf('.'))
}
