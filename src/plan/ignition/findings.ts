/** What an operator should know of a plan's Ignition files at a given moment. Compiling has no clock, so this comes after it. */
import type { IgnitionKind } from '../facts.ts'
import type { Finding } from '../findings.ts'
import type { IgnitionFile } from '../http.ts'
import type { Plan } from '../plan.ts'
import { formatMinute, checkIgnitionAge } from './age.ts'

/** @param now milliseconds since 1970 */
export function ignitionFindings(plan: Plan, now: number): Finding[] {
  return neededFiles(plan).flatMap((file) => [...ageFindings(file, now), ...contentFindings(file, now)])
}

export type IgnitionExpiry = {
  readonly cluster: string
  readonly kind: IgnitionKind
  /** Of the first of its certificates, milliseconds since 1970. */
  readonly expiresAt: number
}

/** Of every file with certificates that a declared node installs with. */
export function ignitionExpiries(plan: Plan): IgnitionExpiry[] {
  return neededFiles(plan).flatMap(({ node, kind, contents }) => {
    const expiresAt = contents?.firstToExpire?.notAfter
    return expiresAt === undefined ? [] : [{ cluster: node.slice(0, node.indexOf('/')), kind, expiresAt }]
  })
}

/** Each file once that a declared node installs with: the files of a cluster that stands may grow old. */
function neededFiles({ nodes, http }: Plan): IgnitionFile[] {
  const ignitionOf = new Map(
    nodes.filter(({ boot }) => boot !== 'local').map(({ key, ignition }) => [key, ignition]),
  )
  const needed = [...http.ignition.values()].filter(({ node, kind }) => ignitionOf.get(node) === kind)
  return [...new Map(needed.map((file) => [file.file, file])).values()]
}

function ageFindings({ node, kind, file, contents }: IgnitionFile, now: number): Finding[] {
  if (contents === undefined) return []
  const judgement = checkIgnitionAge({ path: file, ...contents }, now)
  if (judgement.kind === 'fresh') return []
  // A pointer has none of these certificates from the installer: those that it holds are somebody's own.
  const isPointer = kind === 'master' || kind === 'worker'
  const severity = judgement.kind === 'expired' && !isPointer ? 'error' : 'warning'
  return [{ severity, about: clusterOf(node), message: judgement.sentence }]
}

function contentFindings({ node, file, contents }: IgnitionFile, now: number): Finding[] {
  const warning = (message: string): Finding => ({ severity: 'warning', about: clusterOf(node), message })
  if (contents === undefined) return []
  const { firstToExpire, usableUntil, unread } = contents
  return [
    ...(firstToExpire !== undefined && firstToExpire.notAfter <= now && firstToExpire.notAfter !== usableUntil
      ? [
          warning(
            `${file} holds a certificate that expired at ${formatMinute(firstToExpire.notAfter)}: ${firstToExpire.subject} in ${firstToExpire.where}`,
          ),
        ]
      : []),
    ...(unread === 0
      ? []
      : [
          warning(
            `${file} holds ${unread} ${unread === 1 ? 'part' : 'parts'} that may be certificates and cannot be read`,
          ),
        ]),
  ]
}

function clusterOf(node: string): string {
  return `cluster ${node.slice(0, node.indexOf('/'))}`
}
