/**
 * Whether an Ignition file is young enough to install with. The installer's certificates live for a day, and the cluster has
 * to stand before it is over (OpenShift's guides: use the files within 12 hours).
 */
import { formatAge } from '../../text/duration.ts'
import type { IgnitionAge } from './document.ts'

export type IgnitionJudgement = {
  /** `ageing`: an installation that begins now may not end in time. `expired`: it cannot succeed. */
  readonly kind: 'fresh' | 'ageing' | 'expired'
  /** A whole sentence without its full stop, with what to do where there is something to do. */
  readonly sentence: string
}

const hourMs = 3_600_000
const ageingMs = 12 * hourMs
const expiredMs = 24 * hourMs

/** @param now milliseconds since 1970 */
export function checkIgnitionAge(
  file: IgnitionAge & { readonly path: string },
  now: number,
): IgnitionJudgement {
  const { path, madeAt } = file
  const end = validUntil(file)
  if (madeAt === undefined || end === undefined) {
    return { kind: 'fresh', sentence: `${path} holds no certificate of a day, so it does not age` }
  }
  const age = `${path} was made ${formatAge(now - madeAt)} ago`
  if (now >= end) {
    return { kind: 'expired', sentence: `${age}, and expired at ${formatMinute(end)}: ${remedy(path)}` }
  }
  const left = end - now
  if (now - madeAt < ageingMs && left > expiredMs - ageingMs) {
    return { kind: 'fresh', sentence: `${age}, and is good until ${formatMinute(end)}` }
  }
  return {
    kind: 'ageing',
    sentence: `${age}, and expires at ${formatMinute(end)}, in ${formatAge(left)}: start soon, or ${remedy(path)}`,
  }
}

/**
 * When it is too old, milliseconds since 1970; undefined when it does not age. Certificates may be older than their file:
 * `create manifests` made them, and `create ignition-configs` took them over.
 */
export function validUntil({ madeAt, usableUntil }: IgnitionAge): number | undefined {
  if (madeAt === undefined || usableUntil === undefined) return undefined
  return Math.min(usableUntil, madeAt + expiredMs)
}

/** In a folder of its own: the installer takes what it finds in the old one, certificates too. */
function remedy(path: string): string {
  const folder = path.slice(0, path.lastIndexOf('/'))
  return `copy install-config.yaml into a new folder, run \`openshift-install create ignition-configs --dir=…\` with that folder, and put the *.ign into ${folder}`
}

/** `2026-11-22 06:00 UTC` */
export function formatMinute(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
