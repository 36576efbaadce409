/**
 * The progress of each cluster while slipway serves: a tracker for each, and a record of when each stage was reached,
 * which survives restarts and starts again with another installation.
 */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import type { Model } from '../plan/model.ts'
import { kinds, type NodeObject } from './objects.ts'
import { isReached, startedProgress, everyStage, stageReports, type Stage } from './evaluate/stages.ts'
import { isMembershipKnown, memberReports, nodesByName, type Member } from './evaluate/members.ts'
import { findNode } from './evaluate/requirements.ts'
import {
  logWriteFailure,
  readRecord,
  writeRecord,
  type ByCluster,
  isInstallProgress,
  type InstallProgress,
} from './records.ts'
import type { ClusterReport } from './report.ts'
import type { ClusterSession, Sessions } from './session.ts'
import { trackStages, type StageTracker } from './tracker.ts'

export type TrackedCluster = {
  readonly name: string
  readonly session: ClusterSession
  readonly stages: readonly Stage[]
  /** All declared nodes but the bootstrap. */
  readonly members: readonly Member[]
}

export type ProgressOptions = {
  readonly clusters: readonly TrackedCluster[]
  /** The directory of the record. */
  readonly directory: string
  readonly clock: Clock
  readonly log: Log
  /** Called for every member after each change; undefined for one that its cluster does not have. */
  readonly onMember: (key: string, node: NodeObject | undefined) => void
}

export type Progress = {
  /** Returns the status of every cluster, in the order of the site. */
  reports(): readonly (ClusterReport & { readonly pendingRequests?: number })[]
  /** Whether `onMember` was called for this member, as it is declared now, with the nodes of its cluster. */
  hasReported(member: string): boolean
  /** Whether it is known if the member's cluster has it; true for a node that is not a member. */
  isMembershipKnown(member: string): boolean
  /** Calls `onMember` again soon for all members; until then `hasReported` is false. */
  reportAgain(): void
  /** Another installation of the cluster starts. */
  restart(cluster: string): void
  /** Applies a reloaded site. Clusters with the same session continue. */
  swap(clusters: readonly TrackedCluster[]): void
  /** Resolves when the record is written. */
  close(): Promise<void>
}

/** The interval between two requests for the API, and between two evaluations. */
const intervalMs = 5000
/** Reports about members are interrupted after this time, so that DHCP and DNS are served in between. */
const sliceMs = 10
/** Changes come in bursts, for example when many nodes join together. */
const burstMs = 200
/** Held as long as slipway serves: nodes join and leave at any time. */
const always = [kinds.nodes, kinds.signingRequests]

export function trackedClusters(
  { site, members: all }: Pick<Model, 'site' | 'members'>,
  sessions: Sessions,
): TrackedCluster[] {
  return site.clusters.flatMap(({ name }) => {
    const session = sessions.get(name)
    const own = all.filter(({ cluster }) => cluster === name)
    const members = own.filter(({ role }) => role !== 'bootstrap')
    const stages = everyStage(members, own.length > members.length)
    return session === undefined ? [] : [{ name, session, members, stages }]
  })
}

/** Never rejects: a record that cannot be read is reported in the log, and every cluster starts without one. */
export async function trackProgress(options: ProgressOptions): Promise<Progress> {
  const { clock, log, onMember } = options
  const path = join(options.directory, 'clusters.json')
  const trackers = new Map<string, StageTracker>()
  /** The members that were reported last, by cluster name. */
  const reported = new Map<string, readonly Member[]>()
  /** The nodes whose report is in progress, by cluster name. */
  const reporting = new Map<string, ReadonlyMap<string, NodeObject>>()
  let clusters: readonly TrackedCluster[] = []
  /** The cluster of each member, by its key. */
  let clusterOf: ReadonlyMap<string, TrackedCluster> = new Map()
  let writing: Promise<void> = Promise.resolve()
  let record: ByCluster<InstallProgress> = await readRecord(path, isInstallProgress, "clusters' stages", log)

  /** Writes run one after the other; each writes what is known by then. */
  function keep(name: string, progress: InstallProgress): void {
    if (record.get(name) === progress) return
    record = new Map(record).set(name, progress)
    writing = writing
      .then(() => writeRecord(path, record))
      .catch((error: unknown) => logWriteFailure(log, path, error))
  }

  /** In slices: each transition of a member is written to the disk. A newer report replaces one in progress. */
  async function report(name: string, nodes: ReadonlyMap<string, NodeObject>): Promise<void> {
    const members = clusters.find((each) => each.name === name)?.members ?? []
    reporting.set(name, nodes)
    let endMs = clock.monotonic() + sliceMs
    for (const member of members) {
      if (clock.monotonic() >= endMs) {
        await setImmediate()
        if (reporting.get(name) !== nodes) return
        endMs = clock.monotonic() + sliceMs
      }
      onMember(member.key, findNode(member, nodes))
    }
    reporting.delete(name)
    reported.set(name, members)
  }

  function start({ name, session, stages }: TrackedCluster): void {
    if (session.kubeconfigPath === undefined) return
    const before = record.get(name) ?? {}
    const tracker = trackStages({
      session,
      clock,
      stages,
      always,
      intervalMs,
      burstMs,
      progress: before,
      onUpdate({ progress }, { items, isCurrent }) {
        if (progress !== before) keep(name, progress)
        if (isCurrent(kinds.nodes)) void report(name, nodesByName(items(kinds.nodes)))
      },
    })
    trackers.set(name, tracker)
  }

  function stop(name: string): void {
    trackers.get(name)?.close()
    trackers.delete(name)
    reporting.delete(name)
  }

  function swap(next: readonly TrackedCluster[]): void {
    const before = new Map(clusters.map((cluster) => [cluster.name, cluster]))
    clusters = next
    clusterOf = new Map(next.flatMap((cluster) => cluster.members.map(({ key }) => [key, cluster])))
    for (const name of before.keys()) if (!next.some((cluster) => cluster.name === name)) stop(name)
    for (const cluster of next) {
      const { name, session, stages } = cluster
      if (before.get(name)?.session === session) {
        trackers.get(name)?.declare(stages)
      } else {
        stop(name)
        start(cluster)
      }
    }
  }

  swap(options.clusters)
  return {
    reports: () =>
      clusters.map((cluster) => {
        const { name, session, members } = cluster
        const tracker = trackers.get(name)
        const problem = session.outage() ?? (tracker ? undefined : session.kubeconfigProblem())
        const nodes = tracker?.known(kinds.nodes)
        const pending = tracker?.known(kinds.signingRequests)?.length
        return {
          cluster: name,
          ...(problem !== undefined && { code: problem.code, trouble: problem.sentence }),
          stages: tracker ? stageReports(cluster.stages, tracker.evaluation(), tracker.snapshot) : [],
          members: memberReports(members, nodes),
          ...(pending !== undefined && { pendingRequests: pending }),
        }
      }),
    hasReported(key) {
      const cluster = clusterOf.get(key)
      return cluster !== undefined && reported.get(cluster.name) === cluster.members
    },
    isMembershipKnown(key) {
      const cluster = clusterOf.get(key)
      const tracker = cluster && trackers.get(cluster.name)
      if (cluster === undefined || tracker === undefined) return isMembershipKnown(undefined)
      const { progress } = tracker.evaluation()
      return isMembershipKnown({
        hasNodes: tracker.isKnown(kinds.nodes),
        hasAnswered: cluster.stages.some(
          ({ name, after }) => after === undefined && isReached(progress, name),
        ),
        isOut: cluster.session.outage() !== undefined,
      })
    },
    reportAgain() {
      reported.clear()
      reporting.clear()
      queueMicrotask(() => {
        for (const tracker of trackers.values()) tracker.update()
      })
    },
    restart(name) {
      const cluster = clusters.find((each) => each.name === name)
      if (cluster === undefined) return
      stop(name)
      keep(name, startedProgress(clock.now()))
      start(cluster)
    },
    swap,
    close() {
      for (const name of [...trackers.keys()]) stop(name)
      return writing
    },
  }
}
