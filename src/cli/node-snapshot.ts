/** What a running slipway knows of one node at one moment: of its installation, and from its cluster. */
import type { PendingCsrs } from '../cluster/csr/approver.ts'
import type { ClusterReport, MemberReport } from '../cluster/report.ts'
import type { NodeDetails } from '../install/reports.ts'

/** Of a cluster's own answers, what is told of one node. */
export type ClusterView = Pick<ClusterReport, 'trouble' | 'members'>

/** All that is known at one moment. */
export type NodeSnapshot = {
  readonly story: NodeDetails
  readonly cluster: ClusterView
  /** Of its cluster; undefined where slipway approves no requests. */
  readonly csrs: PendingCsrs | undefined
}

export type Goal = 'installed' | 'ready'

export function memberOf({ members }: ClusterView, key: string): MemberReport {
  return members.find(({ node }) => node === key) ?? { node: key, state: 'unknown' }
}

export function isRegistered({ state }: MemberReport): boolean {
  return state === 'ready' || state === 'not-ready'
}
