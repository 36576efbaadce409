/** What checks ask and tell the real API server. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Unexpected } from '../../expect.ts'
import { domain, type RealNode } from '../network.ts'
import type { RealRig } from '../rig.ts'

/** kubectl takes half a second of a processor. */
const pollEveryMs = 2000

/**
 * Like `waitUntil`, for conditions that run kubectl or slipway. A busy API server can refuse a request, so a condition that
 * throws is asked again.
 *
 * @throws {Unexpected} if it is false after `limitMs`
 */
export async function pollUntil(
  what: string,
  condition: () => Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + limitMs
  let failure = ''
  const holds = () =>
    condition().catch((error: unknown) => {
      failure = `; the last error: ${(error as Error).message}`
      return false
    })
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Unexpected(`waited ${limitMs / 1000} s without success for ${what}${failure}`)
    await sleep(pollEveryMs)
  }
}

/** Whether the API server reports a node as Ready. */
export async function isReady({ controlPlane }: RealRig, { name }: RealNode): Promise<boolean> {
  const path =
    'jsonpath={range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'
  const listed = await controlPlane.kubectl('get', 'nodes', '-o', path)
  return listed.split('\n').includes(`${name}.${domain}=True`)
}

/** @throws {Unexpected} if the node is not Ready in time */
export async function waitForReady(rig: RealRig, node: RealNode, limitMs: number): Promise<void> {
  await pollUntil(`${node.name} to be Ready in the API server`, () => isReady(rig, node), limitMs)
  rig.account.say(`the API server reports ${node.name} as Ready`)
}

export async function deleteNode({ controlPlane }: RealRig, { name }: RealNode): Promise<void> {
  await controlPlane.kubectl('delete', 'node', `${name}.${domain}`)
}

/** Reports the bootstrap as complete, as bootkube.sh and the etcd operator do. */
export async function completeBootstrap({ controlPlane }: RealRig): Promise<void> {
  await controlPlane.apply(
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'bootstrap', namespace: 'kube-system' },
      data: { status: 'complete' },
    },
    {
      apiVersion: 'operator.openshift.io/v1',
      kind: 'Etcd',
      metadata: { name: 'cluster' },
      spec: { managementState: 'Managed' },
    },
  )
  await setStatus({ controlPlane }, 'etcd.operator.openshift.io/cluster', {
    conditions: condition('EtcdBootstrapMemberRemoved', 'True'),
  })
}

/** A condition's status; `undefined` means that the object does not have the condition. */
export type ConditionStatus = 'True' | 'False' | 'Unknown' | undefined

/** What the cluster version operator reports. */
export type VersionState = {
  readonly available: ConditionStatus
  readonly failing: ConditionStatus
  readonly progressing: ConditionStatus
}

/** What an operator reports. */
export type OperatorState = {
  readonly available?: ConditionStatus
  readonly progressing: ConditionStatus
  readonly degraded?: ConditionStatus
  /** How long it has been in this state. */
  readonly forSeconds?: number
}

type ControlPlaneRig = Pick<RealRig, 'controlPlane'>

/** Sets the version and three operators: as during an installation, or at its end. */
export async function setVersion(
  rig: ControlPlaneRig,
  { isInstalled }: { readonly isInstalled: boolean },
): Promise<void> {
  const [done, working] = isInstalled ? (['True', 'False'] as const) : (['False', 'True'] as const)
  await setClusterVersion(rig, { available: done, failing: 'False', progressing: working })
  for (const name of ['authentication', 'etcd', 'ingress']) {
    await setOperator(rig, name, { available: done, progressing: working, degraded: 'False' })
  }
}

export async function setClusterVersion(
  rig: ControlPlaneRig,
  { available, failing, progressing }: VersionState,
): Promise<void> {
  const [apiVersion, kind] = ['config.openshift.io/v1', 'ClusterVersion']
  await rig.controlPlane.apply({
    apiVersion,
    kind,
    metadata: { name: 'version' },
    spec: { clusterID: '5a1e7f0a-0000-4000-8000-000000000000' },
  })
  const desired = { image: 'quay.io/openshift-release-dev/ocp-release:4.20.0-x86_64', version: '4.20.0' }
  const startedTime = secondsAgo(60)
  const isComplete = progressing === 'False'
  await setStatus(rig, 'clusterversion.config.openshift.io/version', {
    history: [
      {
        state: isComplete ? 'Completed' : 'Partial',
        startedTime,
        completionTime: isComplete ? startedTime : null,
        verified: false,
        ...desired,
      },
    ],
    desired,
    observedGeneration: 1,
    versionHash: 'x',
    availableUpdates: null,
    conditions: [
      ...condition('Available', available),
      ...condition('Failing', failing),
      ...condition('Progressing', progressing, 60, 'Working towards 4.20.0: 650 of 900 done (72% complete)'),
    ],
  })
}

export async function setOperator(
  rig: ControlPlaneRig,
  name: string,
  { available = 'True', progressing, degraded = 'False', forSeconds }: OperatorState,
): Promise<void> {
  const [apiVersion, kind] = ['config.openshift.io/v1', 'ClusterOperator']
  await rig.controlPlane.apply({ apiVersion, kind, metadata: { name }, spec: {} })
  await setStatus(rig, `clusteroperator.config.openshift.io/${name}`, {
    versions: [{ name: 'operator', version: '4.20.0' }],
    conditions: [
      ...condition('Available', available),
      ...condition('Progressing', progressing, forSeconds),
      ...condition('Degraded', degraded),
    ],
  })
}

/** With a JSON Patch, because a merge patch cannot set a field to null. */
async function setStatus({ controlPlane }: ControlPlaneRig, object: string, status: object): Promise<void> {
  const patch = JSON.stringify([{ op: 'add', path: '/status', value: status }])
  await controlPlane.kubectl('patch', object, '--subresource=status', '--type=json', '-p', patch)
}

/** By default, its last change is a minute ago, so that it counts as stable. */
function condition(
  type: string,
  status: ConditionStatus,
  forSeconds = 60,
  message = 'as expected',
): readonly object[] {
  if (status === undefined) return []
  return [{ type, status, reason: 'AsExpected', message, lastTransitionTime: secondsAgo(forSeconds) }]
}

function secondsAgo(seconds: number): string {
  return new Date(Date.now() - seconds * 1000).toISOString()
}

/** Returns when the kubelet of a node last renewed its lease: milliseconds since 1970, 0 if there is none. */
export async function lastHeartbeat({ controlPlane }: RealRig, { name }: RealNode): Promise<number> {
  const path = 'jsonpath={.spec.renewTime}'
  const lease = [
    '-n',
    'kube-node-lease',
    'get',
    'lease',
    `${name}.${domain}`,
    '--ignore-not-found',
    '-o',
    path,
  ]
  return Date.parse(await controlPlane.kubectl(...lease)) || 0
}
