/** What each `slipway wait` waits for, stage after stage, and how long: openshift-install's own figures. */
import { judgeNodes, judgeOperators, judgeVersion, type Judgement, type WantedNode } from './missing.ts'
import { apiPaths, conditionOf, isBootstrapComplete, type Conditioned } from './objects.ts'

export const goals = ['bootstrap-complete', 'nodes-ready', 'install-complete'] as const
export type Goal = (typeof goals)[number]

/** The items of a collection as they are now. */
export type Items = (path: string) => readonly Conditioned[]

export type Stage = {
  /** In the list of stages. */
  readonly name: string
  /** Goes on from "waiting up to 20 min for". */
  readonly awaited: string
  readonly timeoutMs: number
  /** As openshift-install ends when this does not come to pass. */
  readonly exitCode: number
  /** The name of the one without which it cannot come to pass, or cannot be told; the API where none is named. */
  readonly after?: string
  /** What it has to see; `undefined` for the API itself. */
  readonly look?: {
    readonly paths: readonly string[]
    /** @param now milliseconds since 1970 */
    readonly judge: (items: Items, now: number) => Judgement
  }
  /** Instead of failing when its time is over: what is said then. */
  readonly otherwise?: (items: Items) => string | undefined
}

const minuteMs = 60_000

/** As openshift-install has them (cmd/openshift-install, exit codes). */
export const WaitExitCode = { api: 4, bootstrap: 5, install: 6, operators: 7, interrupt: 8 } as const

const apiUp: Stage = {
  name: 'API',
  awaited: 'the Kubernetes API',
  timeoutMs: 20 * minuteMs,
  exitCode: WaitExitCode.api,
}

const bootstrap: Stage = {
  name: 'bootstrap',
  awaited: 'the bootstrap to complete',
  // 45, and 60 where machines have to boot: bare metal.
  timeoutMs: 60 * minuteMs,
  exitCode: WaitExitCode.bootstrap,
  look: {
    paths: [apiPaths.bootstrapConfigMap],
    judge: (items) => ({
      isDone: items(apiPaths.bootstrapConfigMap).some(isBootstrapComplete),
      missing: ['the ConfigMap bootstrap in kube-system does not say complete'],
    }),
  },
}

const memberRemoved = 'EtcdBootstrapMemberRemoved'

/** Who stops the bootstrap machine before this may leave the cluster without a quorum. */
const etcdMember: Stage = {
  name: 'etcd',
  after: 'bootstrap',
  awaited: "the bootstrap's etcd member to be removed",
  timeoutMs: 5 * minuteMs,
  exitCode: WaitExitCode.bootstrap,
  look: {
    paths: [apiPaths.etcd],
    judge: (items) => ({
      isDone: memberConditions(items).some((condition) => condition?.status === 'True'),
      missing: ['the etcd operator has not removed the member of the bootstrap'],
    }),
  },
  otherwise: (items) =>
    memberConditions(items).some((condition) => condition !== undefined)
      ? undefined
      : 'this release does not say whether the member was removed',
}

function memberConditions(items: Items) {
  return items(apiPaths.etcd).map((each) => conditionOf(each, memberRemoved))
}

const nodesReady = (wanted: readonly WantedNode[]): Stage => ({
  name: 'nodes',
  awaited: `${wanted.length} nodes to be Ready`,
  timeoutMs: 60 * minuteMs,
  exitCode: WaitExitCode.install,
  look: {
    paths: [apiPaths.nodes, apiPaths.signingRequests],
    judge: (items) => judgeNodes(wanted, items(apiPaths.nodes), items(apiPaths.signingRequests)),
  },
})

const initialized: Stage = {
  name: 'version',
  awaited: 'the cluster to initialize',
  // 40, and 60 on bare metal.
  timeoutMs: 60 * minuteMs,
  exitCode: WaitExitCode.install,
  look: {
    paths: [apiPaths.clusterVersion, apiPaths.clusterOperators],
    judge: (items) => judgeVersion(items(apiPaths.clusterVersion), items(apiPaths.clusterOperators)),
  },
}

/** Before the version is installed, those that there are may well have settled. */
const settled: Stage = {
  name: 'operators',
  after: 'version',
  awaited: 'every operator to settle',
  timeoutMs: 30 * minuteMs,
  exitCode: WaitExitCode.operators,
  look: {
    paths: [apiPaths.clusterOperators],
    judge: (items, now) => judgeOperators(items(apiPaths.clusterOperators), now),
  },
}

/** @param wanted the declared nodes that stay: all but the bootstrap */
export function stagesOf(goal: Goal, wanted: readonly WantedNode[]): readonly Stage[] {
  switch (goal) {
    case 'bootstrap-complete':
      return [apiUp, bootstrap, etcdMember]
    case 'nodes-ready':
      return [apiUp, nodesReady(wanted)]
    case 'install-complete':
      return [apiUp, initialized, settled]
  }
}

/** All that a cluster goes through, for who follows it for ever. @param wanted as above */
export function everyStage(wanted: readonly WantedNode[], hasBootstrap: boolean): readonly Stage[] {
  return [apiUp, ...(hasBootstrap ? [bootstrap, etcdMember] : []), nodesReady(wanted), initialized, settled]
}
