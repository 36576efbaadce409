/**
 * How far each cluster has come, followed while slipway serves: a follower for each, and a record of when each stage
 * was reached, kept over restarts and begun anew with another installation.
 */
import { join } from 'node:path'
import type { Clock } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import { clusterDomain, type Model } from '../plan/model.ts'
import { formatIp } from '../proto/address/ip.ts'
import { endpointsOf } from '../site/endpoints.ts'
import type { ClusterConnection } from './connection/client.ts'
import { begunCourse, courseShape, type Course } from './course.ts'
import { followCluster, type FollowedCluster, type Follower } from './follower.ts'
import { kubeconfigFile, kubeconfigProblem, type KubeconfigFile } from './kubeconfig/file.ts'
import type { NodeObject } from './objects.ts'
import { readRecord, writeRecord, type ByCluster } from './record-file.ts'
import type { ClusterReport } from './report.ts'
import { everyStage } from './stages.ts'
import type { Troubles } from './troubles.ts'

export type ProgressOptions = {
  readonly clusters: readonly FollowedCluster[]
  /** Of the file that keeps when stages were reached. */
  readonly directory: string
  readonly connect: (kubeconfig: KubeconfigFile) => ClusterConnection
  readonly clock: Clock
  readonly log: Log
  readonly troubles: Troubles
  /** Told of every member whenever anything changed; undefined for one that its cluster does not have. */
  readonly onMember: (key: string, node: NodeObject | undefined) => void
}

export type Progress = {
  /** Of every cluster, in the order of the site. */
  reports(): readonly (ClusterReport & { readonly pendingRequests?: number })[]
  /** Another installation of the cluster begins. */
  beginAnew(cluster: string): void
  /** Takes over what the site says now; what is followed as before goes on. */
  swap(clusters: readonly FollowedCluster[]): void
  /** Resolves when what was kept is on the disk. */
  close(): Promise<void>
}

export function followedClusters(
  { site, nodes }: Pick<Model, 'site' | 'nodes'>,
  now: () => number,
): FollowedCluster[] {
  return site.clusters.map((cluster) => {
    const own = nodes.filter((node) => node.cluster === cluster.name)
    const members = own.filter(({ role }) => role !== 'bootstrap')
    const kubeconfig = kubeconfigFile(cluster, now)
    const { api, apiInternal } = endpointsOf(cluster)
    const identity = [kubeconfig.path, clusterDomain(cluster), ...[...api, ...apiInternal].map(formatIp)]
    return {
      ...{ name: cluster.name, kubeconfig, members, identity: identity.join(' ') },
      stages: everyStage(members, own.length > members.length),
    }
  })
}

/** Never rejects: a record that cannot be read is a line of the log, and every cluster is looked at anew. */
export async function followProgress(options: ProgressOptions): Promise<Progress> {
  const { connect, clock, log, troubles, onMember } = options
  const path = join(options.directory, 'clusters.json')
  const followers = new Map<string, Follower>()
  let clusters: readonly FollowedCluster[] = []
  let writing: Promise<void> = Promise.resolve()
  let courses: ByCluster<Course> = new Map()
  try {
    courses = await readRecord(path, courseShape, "clusters' stages")
  } catch (error) {
    log.error({ file: path, reason: (error as Error).message }, 'what was known of clusters is lost')
  }

  /** One after the other; each writes what is known when its turn comes. */
  function keep(name: string, course: Course): void {
    courses = new Map(courses).set(name, course)
    writing = writing
      .then(() => writeRecord(path, courses))
      .catch((error: unknown) => {
        log.error({ file: path, reason: (error as Error).message }, 'cluster record not written')
      })
  }

  function begin(cluster: FollowedCluster): void {
    const { name, kubeconfig } = cluster
    if (kubeconfig.path === undefined) return
    const follower = followCluster({
      ...{ cluster, connect, clock, onMember },
      course: courses.get(name) ?? {},
      onCourse: (course) => keep(name, course),
      trouble: (what) => troubles(name, `progress ${what}`),
    })
    followers.set(name, follower)
  }

  function end(name: string): void {
    followers.get(name)?.close()
    followers.delete(name)
  }

  function swap(next: readonly FollowedCluster[]): void {
    const before = new Map(clusters.map((cluster) => [cluster.name, cluster]))
    clusters = next
    for (const name of before.keys()) if (!next.some((cluster) => cluster.name === name)) end(name)
    for (const cluster of next) {
      const { name, identity } = cluster
      const old = before.get(name)
      if (old?.identity === identity) {
        followers.get(name)?.declare({ ...cluster, kubeconfig: old.kubeconfig })
      } else {
        end(name)
        begin(cluster)
      }
    }
  }

  swap(options.clusters)
  return {
    reports: () =>
      clusters.map((cluster) => {
        const follower = followers.get(cluster.name)
        if (follower === undefined) return unfollowed(cluster)
        const pendingRequests = follower.pendingRequests()
        return { ...follower.report(), ...(pendingRequests === undefined ? {} : { pendingRequests }) }
      }),
    beginAnew(name) {
      const cluster = clusters.find((each) => each.name === name)
      if (cluster === undefined) return
      end(name)
      keep(name, begunCourse(clock.now()))
      begin(cluster)
    },
    swap,
    close() {
      for (const name of [...followers.keys()]) end(name)
      return writing
    },
  }
}

/** Nothing says how to ask it. */
function unfollowed({ name, kubeconfig, members }: FollowedCluster): ClusterReport {
  const sentence = kubeconfigProblem(kubeconfig)
  return {
    cluster: name,
    ...(sentence === undefined ? {} : { trouble: sentence }),
    stages: [],
    members: members.map(({ key }) => ({ node: key, state: 'unknown' })),
  }
}
