/** What the running slipway knows of one node at one time: its installation, and the report of its cluster. */
import type { PendingCsrs } from '../cluster/csr/approver.ts'
import type { ClusterReport, MemberReport } from '../cluster/report.ts'
import type { NodeDetails } from '../install/reports.ts'

/** The part of a cluster report that concerns one node. */
export type ClusterView = Pick<ClusterReport, 'trouble' | 'members'>

export type NodeSnapshot = {
  readonly details: NodeDetails
  readonly cluster: ClusterView
  /** Requests of the cluster of the node; undefined if slipway does not approve requests there. */
  readonly csrs: PendingCsrs | undefined
}

export type Goal = 'installed' | 'ready'

export function memberOf({ members }: ClusterView, key: string): MemberReport {
  return members.find(({ node }) => node === key) ?? { node: key, state: 'unknown' }
}

export function isRegistered({ state }: MemberReport): boolean {
  return state === 'ready' || state === 'not-ready'
}
