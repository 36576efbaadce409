/** Where a cluster stands, as plain data: for the local API, for tables and for metrics. */
import type { Approval } from '../site/schema.ts'
import type { BootstrapState } from './bootstrap-record.ts'

/** Times in milliseconds since 1970. */
export type StageReport = {
  /** Of `stages.ts`: API, bootstrap, etcd, nodes, version, operators. */
  readonly name: string
  /** `ahead`: another one comes first. `unknown`: the cluster is not heard. */
  readonly state: 'reached' | 'under-way' | 'ahead' | 'unknown'
  /** From when on it was seen under way; absent when it was reached before anybody looked. */
  readonly since?: number
  /** When it was seen to be reached; absent when it was before anybody looked. */
  readonly reachedAt?: number
  /** The version of the API, or why it counts as reached. */
  readonly note?: string
  /** What it lacks, in lines for people. */
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
  /** Why nothing is heard of it, or of a part of it: a sentence. */
  readonly trouble?: string
  /** In order; none of a cluster that nothing says how to ask. */
  readonly stages: readonly StageReport[]
  /** Declared nodes but the bootstrap, in the order of the site. */
  readonly members: readonly MemberReport[]
}

export type RequestCounts = {
  readonly approve: Approval
  /** Undecided requests for certificates, whoever made them; absent while they are not known. */
  readonly pending?: number
  /** By slipway, since its start. */
  readonly approved: number
}

export type ClusterStanding = ClusterReport & {
  /** Absent where there is no bootstrap, or no master to take over from it. */
  readonly bootstrap?: BootstrapState
  readonly requests: RequestCounts
}
