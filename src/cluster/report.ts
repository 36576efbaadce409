/** The state of a cluster as plain data, for the local API, the command line, and metrics. */
import type { Approval } from '../site/schema.ts'
import type { BootstrapState } from './records.ts'

/** Times in milliseconds since 1970. */
export type StageReport = {
  /** `API`, `bootstrap`, `etcd`, `nodes`, `version`, or `operators`. */
  readonly name: string
  /** `under-way`: in progress. `ahead`: another stage comes first. `unknown`: the cluster is not reachable. */
  readonly state: 'reached' | 'under-way' | 'ahead' | 'unknown'
  /** When it was first seen in progress; absent if it was reached before slipway looked. */
  readonly since?: number
  /** When it was seen to be reached; absent if it was reached before slipway looked. */
  readonly reachedAt?: number
  /** The version of the API, or why it counts as reached. */
  readonly note?: string
  /** What it still needs, in lines of text. */
  readonly missing: readonly string[]
}

export type MemberReport = {
  /** Its key. */
  readonly node: string
  readonly state: 'absent' | 'not-ready' | 'ready' | 'unknown'
  /** By the cluster's clock. */
  readonly since?: number
  /** Why it is not Ready. */
  readonly reason?: string
}

export type ClusterReport = {
  readonly cluster: string
  /** Why it, or a part of it, is not reachable: a sentence. */
  readonly trouble?: string
  /** In order; empty for a cluster without a kubeconfig. */
  readonly stages: readonly StageReport[]
  /** All declared nodes but the bootstrap, in the order of the site. */
  readonly members: readonly MemberReport[]
}

export type RequestCounts = {
  readonly approve: Approval
  /** Requests without a decision, from any requester; absent while they are not known. */
  readonly pending?: number
  /** Approved by slipway since it started. */
  readonly approved: number
}

export type ClusterStatus = ClusterReport & {
  /** Absent if the cluster has no bootstrap, or no masters. */
  readonly bootstrap?: BootstrapState
  readonly requests: RequestCounts
}
