/** Findings about the Ignition files of a plan at a given time. They are separate because compiling has no clock. */
import type { IgnitionKind } from '../facts.ts'
import type { PlanFinding } from '../findings.ts'
import type { IgnitionFile } from '../http/plan.ts'
import type { Plan } from '../plan.ts'
import { pluralize } from '../../text/format.ts'
import { formatMinute, checkIgnitionAge } from './age.ts'

/** @param now milliseconds since 1970 */
export function ignitionFindings(plan: Plan, now: number): PlanFinding[] {
  return neededFiles(plan).flatMap((file) => [...ageFindings(file, now), ...contentFindings(file, now)])
}

export type IgnitionExpiry = {
  readonly cluster: string
  readonly kind: IgnitionKind
  /** When its first certificate expires, in milliseconds since 1970. */
  readonly expiresAt: number
}

/** Returns the expiry of every file with certificates that a declared node installs with. */
export function ignitionExpiries(plan: Plan): IgnitionExpiry[] {
  return neededFiles(plan).flatMap(({ node, kind, contents }) => {
    const expiresAt = contents?.firstToExpire?.notAfter
    return expiresAt === undefined ? [] : [{ cluster: node.slice(0, node.indexOf('/')), kind, expiresAt }]
  })
}

/** Returns each file that a declared node installs with. The files of an installed cluster may expire. */
function neededFiles({ nodes, http }: Plan): IgnitionFile[] {
  const ignitionOf = new Map(
    nodes.filter(({ boot }) => boot !== 'local').map(({ key, ignition }) => [key, ignition]),
  )
  const needed = [...http.ignition.values()].filter(({ node, kind }) => ignitionOf.get(node) === kind)
  return [...new Map(needed.map((file) => [file.file, file])).values()]
}

function ageFindings({ node, kind, file, contents }: IgnitionFile, now: number): PlanFinding[] {
  if (contents === undefined) return []
  const age = checkIgnitionAge({ path: file, ...contents }, now)
  if (age.kind === 'fresh') return []
  // The installer puts no short-lived certificates into pointers, so these are the administrator's own.
  const isPointer = kind === 'master' || kind === 'worker'
  const severity = age.kind === 'expired' && !isPointer ? 'error' : 'warning'
  const code = age.kind === 'expired' ? 'ignition.expired' : 'ignition.ageing'
  return [{ code, severity, about: clusterOf(node), message: age.sentence }]
}

function contentFindings({ node, file, contents }: IgnitionFile, now: number): PlanFinding[] {
  if (contents === undefined) return []
  const { firstToExpire: first, usableUntil, unread } = contents
  const about = { severity: 'warning', about: clusterOf(node) } as const
  const findings: PlanFinding[] = []
  if (first !== undefined && first.notAfter <= now && first.notAfter !== usableUntil) {
    const message = `${file} contains a certificate that expired at ${formatMinute(first.notAfter)}: ${first.subject} in ${first.where}`
    findings.push({ code: 'ignition.certificate-expired', ...about, message })
  }
  if (unread > 0) {
    const parts = pluralize(unread, 'part')
    const message = `${file} contains ${parts} that may be certificates and cannot be read`
    findings.push({ code: 'ignition.certificate-unreadable', ...about, message })
  }
  return findings
}

function clusterOf(node: string): string {
  return `cluster ${node.slice(0, node.indexOf('/'))}`
}
