/**
 * One cluster, followed for as long as slipway serves: first its API is asked until it answers, then the collections
 * that its stages are judged by. Says what the stages lack, and what is known of its nodes.
 */
import type { Clock, Timer } from '../host/clock.ts'
import { askVersion } from './ask-version.ts'
import type { ClusterConnection } from './connection/client.ts'
import { holdCollections } from './collections.ts'
import { isInTurn, isReached, reach, underWay, type Course } from './course.ts'
import { kubeconfigProblem, type KubeconfigFile } from './kubeconfig/file.ts'
import { nodeOf, readinessOf, type WantedNode } from './missing.ts'
import { apiPaths, nameOf, type NodeObject } from './objects.ts'
import { pause } from '../host/pause.ts'
import type { ClusterReport, MemberReport, StageReport } from './report.ts'
import type { Stage } from './stages.ts'
import type { Trouble } from './troubles.ts'

/** What the site says of a cluster, as far as it is followed. */
export type FollowedCluster = {
  readonly name: string
  readonly kubeconfig: KubeconfigFile
  /** All that decides whom the kubeconfig may ask: where it is another one, everything is asked anew. */
  readonly identity: string
  readonly stages: readonly Stage[]
  /** Declared nodes but the bootstrap. */
  readonly members: readonly (WantedNode & { readonly key: string })[]
}

export type FollowerOptions = {
  readonly cluster: FollowedCluster
  readonly connect: (kubeconfig: KubeconfigFile) => ClusterConnection
  readonly clock: Clock
  /** Of what it asks: the API itself, or one of its paths. */
  readonly trouble: (what: string) => Trouble
  /** How far it came before. */
  readonly course: Course
  readonly onCourse: (course: Course) => void
  /** Told of every member whenever anything changed; undefined for one that the cluster does not have. */
  readonly onMember: (key: string, node: NodeObject | undefined) => void
}

export type Follower = {
  report(): ClusterReport
  /** Undecided requests for certificates; undefined while they are not known. */
  pendingRequests(): number | undefined
  /** Takes over stages and members. */
  declare(cluster: FollowedCluster): void
  close(): void
}

/** Between two questions for the API; stages that time alone brings about are judged as often. */
const roundMs = 5000
/** Changes come in bursts: of a rack that joins, of every kubelet at once. */
const burstMs = 200
/** What was heard last still counts when a connection was cut, or a master rebooted. */
export const silenceMs = 60_000

/** Followed for ever: nodes come and go. */
const lasting: readonly string[] = [apiPaths.nodes, apiPaths.signingRequests]

export function followCluster(options: FollowerOptions): Follower {
  const { connect, clock, trouble, onCourse, onMember } = options
  const abort = new AbortController()
  const { signal } = abort
  const ofApi = trouble('the API')
  let { cluster, course } = options
  const api = connect(cluster.kubeconfig)
  /** By the stage's name. */
  const missing = new Map<string, readonly string[]>()
  let timer: Timer | undefined
  let dueAt = Infinity

  const collections = holdCollections({
    api,
    clock,
    onChange: () => lookWithin(burstMs),
    onOutage: (path, sentence) => trouble(path).say(sentence),
    onReachable(path) {
      trouble(path).end()
      lookWithin(burstMs)
    },
  })

  function change(next: Course): void {
    if (next === course) return
    course = next
    onCourse(course)
  }

  async function askApi(stage: Stage): Promise<void> {
    while (!isOver(signal)) {
      const { isDone, missing: lacking, note } = await askVersion(api, signal)
      if (isOver(signal)) return
      if (isDone) {
        ofApi.end()
        arrive(stage, note)
        return
      }
      ofApi.say(lacking.join())
      // Who cannot ask does not know whether it is up.
      if (kubeconfigProblem(cluster.kubeconfig) === undefined) change(underWay(course, stage, clock.now()))
      await pause(clock, roundMs, signal)
    }
  }

  function arrive(stage: Stage, note?: string): void {
    missing.delete(stage.name)
    const { stages } = cluster
    change(reach(course, stage, { now: clock.now(), stages, ...(note === undefined ? {} : { note }) }))
  }

  function lookWithin(ms: number): void {
    const at = clock.monotonic() + ms
    if (at >= dueAt) return
    timer?.cancel()
    dueAt = at
    timer = clock.after(ms, look)
  }

  function look(): void {
    timer?.cancel()
    dueAt = Infinity
    for (const path of lasting) collections.begin(path)
    for (const stage of ahead()) if (isInTurn(course, stage)) judge(stage)
    const wanted = new Set([...lasting, ...ahead().flatMap(pathsOf)])
    for (const path of collections.paths()) {
      if (wanted.has(path)) continue
      collections.end(path)
      trouble(path).drop()
    }
    if (isHeard(apiPaths.nodes)) tellMembers()
    if (ahead().length > 0) lookWithin(roundMs)
  }

  /** Stages that are still to be reached, in order. */
  function ahead(): readonly Stage[] {
    return cluster.stages.filter(({ name }) => !isReached(course, name))
  }

  function judge(stage: Stage): void {
    const { look: eye, otherwise, name, timeoutMs } = stage
    for (const path of pathsOf(stage)) collections.begin(path)
    if (eye === undefined || !eye.paths.every(isHeard)) return
    const items = (path: string) => collections.items(path)
    const { isDone, missing: lacking } = eye.judge(items, clock.now())
    if (isDone) {
      arrive(stage)
      return
    }
    missing.set(name, lacking)
    change(underWay(course, stage, clock.now()))
    const { since = clock.now() } = course[name] ?? {}
    const excuse = clock.now() - since >= timeoutMs ? otherwise?.(items) : undefined
    if (excuse !== undefined) arrive(stage, excuse)
  }

  /** Whether what is held of it is how it is now. */
  function isHeard(path: string): boolean {
    return collections.isListed(path) && collections.trouble(path) === undefined
  }

  function isKnown(path: string): boolean {
    const silence = collections.trouble(path)
    const isShort = silence === undefined || clock.monotonic() - silence.since < silenceMs
    return collections.isListed(path) && isShort
  }

  function tellMembers(): void {
    const nodes = nodesByName()
    for (const member of cluster.members) onMember(member.key, nodeOf(member, nodes))
  }

  function nodesByName(): ReadonlyMap<string, NodeObject> {
    return new Map(collections.items(apiPaths.nodes).map((node) => [nameOf(node), node]))
  }

  function members(): MemberReport[] {
    if (!isKnown(apiPaths.nodes)) return cluster.members.map(({ key }) => ({ node: key, state: 'unknown' }))
    const nodes = nodesByName()
    return cluster.members.map((member) => {
      const node = nodeOf(member, nodes)
      return { node: member.key, ...(node === undefined ? { state: 'absent' as const } : readinessOf(node)) }
    })
  }

  function stageReport(stage: Stage): StageReport {
    const { name } = stage
    const { state, ...times } = course[name] ?? { state: 'under-way' }
    if (state === 'reached') return { name, state, ...times, missing: [] }
    if (!isInTurn(course, stage)) return { name, state: 'ahead', missing: [] }
    if (stage.look === undefined) {
      const sentence = ofApi.sentence()
      const isBarred = kubeconfigProblem(cluster.kubeconfig) !== undefined
      const lacking = sentence === undefined ? [] : [sentence]
      return { name, state: isBarred ? 'unknown' : state, ...times, missing: lacking }
    }
    const isDeaf = stage.look.paths.some((path) => collections.trouble(path) !== undefined && !isKnown(path))
    return isDeaf
      ? { name, state: 'unknown', ...times, missing: [] }
      : { name, state, ...times, missing: missing.get(name) ?? [] }
  }

  async function begin(): Promise<void> {
    for (const stage of ahead()) if (stage.look === undefined) await askApi(stage)
    if (!isOver(signal)) look()
  }

  void begin()
  return {
    report() {
      const sentences = [
        ofApi.sentence(),
        ...collections.paths().map((path) => collections.trouble(path)?.sentence),
      ]
      const sentence = sentences.find((each) => each !== undefined)
      return {
        cluster: cluster.name,
        ...(sentence === undefined ? {} : { trouble: sentence }),
        stages: cluster.stages.map(stageReport),
        members: members(),
      }
    },
    pendingRequests: () =>
      isKnown(apiPaths.signingRequests) ? collections.items(apiPaths.signingRequests).length : undefined,
    declare(next) {
      cluster = next
      if (collections.paths().length > 0) look()
    },
    close() {
      abort.abort()
      timer?.cancel()
      for (const path of collections.paths()) trouble(path).drop()
      ofApi.drop()
      collections.close()
      api.close()
    },
  }
}

function pathsOf({ look }: Stage): readonly string[] {
  return look?.paths ?? []
}

/** Asked anew after each wait: the compiler believes that a signal once seen stays as it was. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted
}
