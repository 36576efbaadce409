/** What the state of a host in the assisted service means for its node. Pure. Unknown states are kept as text. */
import type { ClusterEvent } from '../install/observation.ts'
import type { Host } from './hosts.ts'

export type HostEvent = { readonly word: ClusterEvent; readonly reason: string }

/** The disk is written. A host that is added to a cluster has this state when it restarts. */
const installedStates = new Set(['installed', 'added-to-existing-cluster'])
const failedStates = new Set([
  'error',
  'cancelled',
  'preparing-failed',
  'installing-pending-user-action',
  'resetting-pending-user-action',
  'unbinding-pending-user-action',
])
const maxFailures = 3
const maxCharacters = 400

/** Returns what a host means for its node. */
export function eventOf({ status, statusInfo, stage, percentage, failures }: Host): HostEvent {
  if (installedStates.has(status)) return { word: 'assisted-installed', reason: status }
  if (failedStates.has(status)) {
    return { word: 'assisted-failed', reason: text(`${status}: ${statusInfo || stage || 'no reason given'}`) }
  }
  const progress = stage === undefined ? '' : percentage === undefined ? stage : `${stage}, ${percentage} %`
  return {
    word: 'assisted',
    reason: text([status, progress, advice(status, failures)].filter(Boolean).join(': ')),
  }
}

function advice(status: string, failures: readonly string[]): string {
  if (/^(?:known)\b/.test(status)) return 'ready, start the installation in the assisted service'
  if (/^disconnected\b/.test(status)) return 'its agent no longer reports, check its network'
  if (!/^(?:insufficient|pending-for-input)\b/.test(status)) return ''
  const more = failures.length > maxFailures ? `; ${failures.length - maxFailures} more` : ''
  return failures.slice(0, maxFailures).join('; ') + more
}

/** The service can send anything; the journal keeps each reason. */
function text(reason: string): string {
  const line = reason.replaceAll(/\s+/g, ' ').trim()
  return line.length > maxCharacters ? `${line.slice(0, maxCharacters - 1)}…` : line
}
