/**
 * Checks whether an Ignition file is recent enough to install with. The installer's certificates are valid for a day, and
 * the installation must finish before (the OpenShift guides recommend to use the files within 12 hours).
 */
import { formatAge } from '../../text/format.ts'
import type { IgnitionAge } from './document.ts'

export type IgnitionAgeCheck = {
  /** `ageing`: an installation that starts now might not finish in time. `expired`: it cannot succeed. */
  readonly kind: 'fresh' | 'ageing' | 'expired'
  /** A sentence without a full stop, with what to do if something must be done. */
  readonly sentence: string
}

const hourMs = 3_600_000
const ageingMs = 12 * hourMs
const expiredMs = 24 * hourMs

/** @param now milliseconds since 1970 */
export function checkIgnitionAge(
  file: IgnitionAge & { readonly path: string },
  now: number,
): IgnitionAgeCheck {
  const { path, madeAt } = file
  const end = validUntil(file)
  if (madeAt === undefined || end === undefined) {
    return { kind: 'fresh', sentence: `${path} has no short-lived certificate, so it does not expire` }
  }
  const age = `${path} was created ${formatAge(now - madeAt)} ago`
  if (now >= end) {
    return { kind: 'expired', sentence: `${age} and expired at ${formatMinute(end)}: ${remedy(path)}` }
  }
  const left = end - now
  if (now - madeAt < ageingMs && left > expiredMs - ageingMs) {
    return { kind: 'fresh', sentence: `${age} and is valid until ${formatMinute(end)}` }
  }
  return {
    kind: 'ageing',
    sentence: `${age} and expires at ${formatMinute(end)}, in ${formatAge(left)}: start the installation soon, or ${remedy(path)}`,
  }
}

/**
 * Returns when the file expires, in milliseconds since 1970; undefined if it does not. Certificates can be older than
 * their file, because `create manifests` creates them and `create ignition-configs` reuses them.
 */
export function validUntil({ madeAt, usableUntil }: IgnitionAge): number | undefined {
  if (madeAt === undefined || usableUntil === undefined) return undefined
  return Math.min(usableUntil, madeAt + expiredMs)
}

/** A new directory is needed, because the installer reuses what is in the old one, including certificates. */
function remedy(path: string): string {
  const folder = path.slice(0, path.lastIndexOf('/'))
  return `copy install-config.yaml into a new directory, run \`openshift-install create ignition-configs --dir=…\` with that directory, and copy the *.ign files to ${folder}`
}

/** Formats a time: `2026-11-22 06:00 UTC`. */
export function formatMinute(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
