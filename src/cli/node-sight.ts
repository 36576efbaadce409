/** What a running slipway knows of one node at one moment: of its installation, and from its cluster. */
import type { PendingCsrs } from '../cluster/csr/approver.ts'
import type { NodeStory } from '../install/reports.ts'
import type { Step } from '../install/step.ts'

/** A declared node as its cluster has it. */
export type MemberReport = {
  /** Its key. */
  readonly node: string
  readonly state: 'absent' | 'not-ready' | 'ready' | 'unknown'
  /** Why it is not Ready. */
  readonly reason?: string
}

/** Of a cluster's own answers, what is told of one node. */
export type ClusterReport = {
  /** Why it cannot be asked: a sentence. */
  readonly trouble?: string
  readonly members: readonly MemberReport[]
}

/** All that is known at one moment. */
export type Sight = {
  readonly story: NodeStory & { readonly words?: readonly Step[] }
  readonly cluster: ClusterReport
  /** Of its cluster; undefined where slipway approves no requests. */
  readonly csrs: PendingCsrs | undefined
}

export type Goal = 'installed' | 'ready'

export function memberOf({ members }: ClusterReport, key: string): MemberReport {
  return members.find(({ node }) => node === key) ?? { node: key, state: 'unknown' }
}

export function isRegistered({ state }: MemberReport): boolean {
  return state === 'ready' || state === 'not-ready'
}
