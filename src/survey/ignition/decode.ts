/** The octets of an Ignition file read as what they are: version, certificates, age; or what is wrong with them. */
import type { IgnitionAge, IgnitionCertificate, IgnitionContents } from '../../plan/ignition/document.ts'
import { findCertificates } from './certificates.ts'
import { versionProblem } from './version.ts'

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
