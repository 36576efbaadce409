/** What checks ask and tell the real API server. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Unexpected } from '../../expect.ts'
import { domain, type RealNode } from '../network.ts'
import type { RealRig } from '../rig.ts'

/** kubectl takes half a second of a processor. */
const pollEveryMs = 2000

/** Like `waitUntil`, for conditions that run kubectl or slipway. @throws {Unexpected} if it is false after `limitMs` */
export async function pollUntil(
  what: string,
  condition: () => Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Unexpected(`waited ${limitMs / 1000} s without success for ${what}`)
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
    { apiVersion: 'operator.openshift.io/v1', kind: 'Etcd', metadata: { name: 'cluster' }, spec: {} },
  )
  await setStatus({ controlPlane }, 'etcd.operator.openshift.io/cluster', {
    conditions: [condition('EtcdBootstrapMemberRemoved', true)],
  })
}

/** Sets the version and its operators: as the cluster version operator reports them during an installation, or at its end. */
export async function setVersion(
  { controlPlane }: Pick<RealRig, 'controlPlane'>,
  { isInstalled }: { readonly isInstalled: boolean },
): Promise<void> {
  const config = 'config.openshift.io/v1'
  const operators = ['authentication', 'etcd', 'ingress']
  await controlPlane.apply(
    {
      apiVersion: config,
      kind: 'ClusterVersion',
      metadata: { name: 'version' },
      spec: { clusterID: 'real' },
    },
    ...operators.map((name) => ({
      apiVersion: config,
      kind: 'ClusterOperator',
      metadata: { name },
      spec: {},
    })),
  )
  const state = isInstalled ? 'Completed' : 'Partial'
  const at = new Date(Date.now() - 60_000).toISOString()
  await setStatus({ controlPlane }, 'clusterversion.config.openshift.io/version', {
    history: [{ state, version: '4.17.0', startedTime: at, image: '', verified: false }],
    desired: { version: '4.17.0' },
    conditions: [
      condition('Available', isInstalled),
      condition('Failing', false),
      condition('Progressing', !isInstalled, 'Working towards 4.17.0: 650 of 900 done (72% complete)'),
    ],
  })
  for (const name of operators) {
    await setStatus({ controlPlane }, `clusteroperator.config.openshift.io/${name}`, {
      versions: [{ name: 'operator', version: '4.17.0' }],
      conditions: [
        condition('Available', isInstalled),
        condition('Progressing', !isInstalled),
        condition('Degraded', false),
      ],
    })
  }
}

async function setStatus(
  { controlPlane }: Pick<RealRig, 'controlPlane'>,
  object: string,
  status: object,
): Promise<void> {
  const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status })]
  await controlPlane.kubectl('patch', object, ...patch)
}

/** Its last change is a minute ago, so that it counts as stable. */
function condition(type: string, isTrue: boolean, message = 'as expected'): object {
  return {
    type,
    status: isTrue ? 'True' : 'False',
    reason: 'AsExpected',
    message,
    lastTransitionTime: new Date(Date.now() - 60_000).toISOString(),
  }
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
