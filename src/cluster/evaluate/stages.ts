/**
 * The stages of an installation, with openshift-install's time-outs, and the progress of a cluster through them. The
 * running service and `slipway wait` evaluate them the same way. Pure.
 */
import { conditionOf, isBootstrapComplete, kinds, type Kind } from '../objects.ts'
import type { InstallProgress } from '../records.ts'
import type { StageReport } from '../report.ts'
import { pluralize } from '../../text/format.ts'
import type { ApiCheck } from '../session.ts'
import type { Problem } from '../codes.ts'
import {
  evaluateNodes,
  evaluateOperators,
  evaluateVersion,
  type DeclaredNode,
  type Evaluation,
} from './requirements.ts'

export const goals = ['bootstrap-complete', 'nodes-ready', 'install-complete'] as const
export type Goal = (typeof goals)[number]

/** Returns the objects of a kind as they are now. */
export type Items = <T>(kind: Kind<T>) => readonly T[]

/** What is known of a cluster. */
export type Snapshot = {
  readonly items: Items
  /** Whether the items are those that the cluster has now. */
  readonly isCurrent: (kind: Kind<unknown>) => boolean
  /** Whether the kind has not been current for a while, although it was asked for. */
  readonly isStale: (kind: Kind<unknown>) => boolean
  /** Undefined before the first answer. */
  readonly api: ApiCheck | undefined
  /** Whether there is a kubeconfig that can be used. */
  readonly hasCredentials: boolean
}

export type Stage = {
  /** As the list of stages shows it. */
  readonly name: string
  /** Completes "waiting up to 20 min for". */
  readonly awaited: string
  readonly timeoutMs: number
  /** openshift-install's exit code when this stage is not reached in time. */
  readonly exitCode: number
  /** The stage that has to be reached first. */
  readonly after: string | undefined
  /** What `evaluate` reads. */
  readonly kinds: readonly Kind<unknown>[]
  /** @param now milliseconds since 1970 */
  readonly evaluate: (items: Items, now: number) => Evaluation
  /** Returns why the stage counts as reached when its time limit is reached; undefined if it does not. */
  readonly exemption?: (items: Items) => string | undefined
}

const minuteMs = 60_000

/** openshift-install's exit codes (cmd/openshift-install). */
export const WaitExitCode = { api: 4, bootstrap: 5, install: 6, operators: 7, interrupt: 8 } as const

const apiUp: Stage = {
  name: 'API',
  awaited: 'the Kubernetes API',
  timeoutMs: 20 * minuteMs,
  exitCode: WaitExitCode.api,
  after: undefined,
  kinds: [],
  // Evaluated by the answer to a request, see `evaluateApi`.
  evaluate: () => ({ isDone: false, missing: [] }),
}

const bootstrap: Stage = {
  name: 'bootstrap',
  awaited: 'the bootstrap to complete',
  // 45 min, and 60 min on bare metal, where machines have to boot.
  timeoutMs: 60 * minuteMs,
  exitCode: WaitExitCode.bootstrap,
  after: apiUp.name,
  kinds: [kinds.bootstrapConfigMap],
  evaluate: (items) => ({
    isDone: items(kinds.bootstrapConfigMap).some(isBootstrapComplete),
    missing: [
      {
        code: 'cluster.bootstrap-incomplete',
        sentence: 'the ConfigMap bootstrap in kube-system does not have status: complete',
      },
    ],
  }),
}

const memberRemoved = 'EtcdBootstrapMemberRemoved'

/** Stopping the bootstrap machine before this can cost etcd its quorum. */
const etcdMember: Stage = {
  name: 'etcd',
  awaited: "the bootstrap's etcd member to be removed",
  timeoutMs: 5 * minuteMs,
  exitCode: WaitExitCode.bootstrap,
  after: bootstrap.name,
  kinds: [kinds.etcd],
  evaluate: (items) => ({
    isDone: memberConditions(items).some((condition) => condition?.status === 'True'),
    missing: [
      {
        code: 'cluster.bootstrap-member-left',
        sentence: 'the etcd operator has not removed the member of the bootstrap',
      },
    ],
  }),
  exemption: (items) =>
    memberConditions(items).some((condition) => condition !== undefined)
      ? undefined
      : 'this release does not report whether the member was removed',
}

function memberConditions(items: Items) {
  return items(kinds.etcd).map((each) => conditionOf(each, memberRemoved))
}

const nodesReady = (declared: readonly DeclaredNode[]): Stage => ({
  name: 'nodes',
  awaited: `${pluralize(declared.length, 'node')} to be Ready`,
  timeoutMs: 60 * minuteMs,
  exitCode: WaitExitCode.install,
  after: apiUp.name,
  kinds: [kinds.nodes, kinds.signingRequests],
  evaluate: (items) => evaluateNodes(declared, items(kinds.nodes), items(kinds.signingRequests)),
})

const initialized: Stage = {
  name: 'version',
  awaited: 'the cluster to initialize',
  // 40 min, and 60 min on bare metal.
  timeoutMs: 60 * minuteMs,
  exitCode: WaitExitCode.install,
  after: apiUp.name,
  kinds: [kinds.clusterVersion, kinds.clusterOperators],
  evaluate: (items) => evaluateVersion(items(kinds.clusterVersion), items(kinds.clusterOperators)),
}

/** Before the version is installed, not all operators exist. */
const operatorsStable: Stage = {
  name: 'operators',
  awaited: 'every operator to be stable',
  timeoutMs: 30 * minuteMs,
  exitCode: WaitExitCode.operators,
  after: initialized.name,
  kinds: [kinds.clusterOperators],
  evaluate: (items, now) => evaluateOperators(items(kinds.clusterOperators), now),
}

/** The stages of a goal, each after the one before. @param declared all nodes but the bootstrap */
export function stagesOf(goal: Goal, declared: readonly DeclaredNode[]): readonly Stage[] {
  switch (goal) {
    case 'bootstrap-complete':
      return [apiUp, bootstrap, etcdMember]
    case 'nodes-ready':
      return [apiUp, nodesReady(declared)]
    case 'install-complete':
      return [apiUp, initialized, operatorsStable]
  }
}

/** All stages of a cluster. @param declared all nodes but the bootstrap */
export function everyStage(declared: readonly DeclaredNode[], hasBootstrap: boolean): readonly Stage[] {
  return [
    apiUp,
    ...(hasBootstrap ? [bootstrap, etcdMember] : []),
    nodesReady(declared),
    initialized,
    operatorsStable,
  ]
}

/** The kinds that are needed now: those of the stages that can be evaluated and are not reached. */
export function neededKinds(stages: readonly Stage[], progress: InstallProgress): readonly Kind<unknown>[] {
  return stages
    .filter((stage) => canEvaluate(progress, stage) && !isReached(progress, stage.name))
    .flatMap((stage) => stage.kinds)
}

export type StageEvaluation = {
  /** The same object if nothing changed. */
  readonly progress: InstallProgress
  /** What each stage that can be evaluated still needs. */
  readonly missing: ReadonlyMap<string, readonly Problem[]>
}

/**
 * @param before what an earlier evaluation found
 * @param now milliseconds since 1970
 * @param expired the name of a stage whose time limit was reached, even if `timeoutMs` has not passed
 */
export function evaluateStages(
  stages: readonly Stage[],
  before: StageEvaluation,
  { snapshot, now, expired }: { snapshot: Snapshot; now: number; expired?: string | undefined },
): StageEvaluation {
  let { progress } = before
  const missing = new Map(before.missing)
  for (const stage of stages) {
    const { name, timeoutMs, exemption } = stage
    if (isReached(progress, name) || !canEvaluate(progress, stage)) continue
    const result = stage.after === undefined ? evaluateApi(snapshot.api) : evaluate(stage, snapshot, now)
    if (result === undefined) continue
    missing.set(name, result.missing)
    let { isDone, note } = result
    if (!isDone) {
      // Without credentials it is not known whether the API is up.
      if (snapshot.hasCredentials) progress = startStage(progress, stage, now)
      const isLate = name === expired || now - (progress[name]?.since ?? now) >= timeoutMs
      note = isLate ? exemption?.(snapshot.items) : undefined
      isDone = note !== undefined
    }
    if (!isDone) continue
    missing.delete(name)
    progress = reachStage(progress, stage, { now, note, stages })
  }
  return { progress, missing }
}

type NotedEvaluation = Evaluation & { readonly note?: string | undefined }

/** @returns undefined before the first answer */
function evaluateApi(api: ApiCheck | undefined): NotedEvaluation | undefined {
  if (api === undefined) return undefined
  return api.isUp
    ? { isDone: true, missing: [], note: api.version }
    : { isDone: false, missing: [api.problem] }
}

/** @returns undefined while the objects are not known */
function evaluate(stage: Stage, snapshot: Snapshot, now: number): NotedEvaluation | undefined {
  return stage.kinds.every(snapshot.isCurrent) ? stage.evaluate(snapshot.items, now) : undefined
}

/** Returns the state of each stage, as users and programs see it. */
export function stageReports(
  stages: readonly Stage[],
  { progress, missing }: StageEvaluation,
  snapshot: Pick<Snapshot, 'isStale' | 'hasCredentials'>,
): readonly StageReport[] {
  return stages.map((stage) => {
    const { name } = stage
    const { state, ...times } = progress[name] ?? { state: 'under-way' as const }
    if (state === 'reached') return { name, state, ...times, missing: [] }
    if (!canEvaluate(progress, stage)) return { name, state: 'ahead', missing: [] }
    if (stage.kinds.some(snapshot.isStale)) return { name, state: 'unknown', ...times, missing: [] }
    const isUnknown = stage.after === undefined && !snapshot.hasCredentials
    const lines = missing.get(name) ?? []
    return {
      name,
      state: isUnknown ? 'unknown' : state,
      ...times,
      missing: lines.map(({ sentence }) => sentence),
      ...(lines.length > 0 && { codes: lines.map(({ code }) => code) }),
    }
  })
}

// How the progress changes.

/** The part of a stage that decides when it is evaluated. */
type StageOrder = Pick<Stage, 'name' | 'after'>

/** The progress of an installation that starts now. */
export function startedProgress(now: number): InstallProgress {
  return { API: { state: 'under-way', since: now } }
}

export function isReached(progress: InstallProgress, name: string): boolean {
  return progress[name]?.state === 'reached'
}

/** Whether a stage can be evaluated: the one before it is reached. */
export function canEvaluate(progress: InstallProgress, { after }: StageOrder): boolean {
  return after === undefined || isReached(progress, after)
}

export function startStage(progress: InstallProgress, { name }: StageOrder, now: number): InstallProgress {
  return progress[name] === undefined ? { ...progress, [name]: { state: 'under-way', since: now } } : progress
}

/**
 * A stage that was never seen in progress was reached at an unknown time, before slipway looked. If the time is known,
 * the stages that follow have been in progress since then.
 */
export function reachStage(
  progress: InstallProgress,
  { name }: StageOrder,
  options: {
    readonly now: number
    readonly note?: string | undefined
    readonly stages: readonly StageOrder[]
  },
): InstallProgress {
  const { now, note, stages } = options
  const since = progress[name]?.since
  const times = since === undefined ? {} : { since, reachedAt: now }
  const reached: InstallProgress = {
    ...progress,
    [name]: { state: 'reached', ...times, ...(note !== undefined && { note }) },
  }
  if (since === undefined) return reached
  return stages
    .filter(({ after }) => after === name)
    .reduce((next, stage) => startStage(next, stage, now), reached)
}
