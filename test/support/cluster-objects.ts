/** Objects of a cluster as its API returns them. Each is checked against its published shape. */
import { apiPaths, type Condition } from '../../src/cluster/objects.ts'
import { asKept } from './api-shapes.ts'

/** @param more for example a `message`, or another time */
export function condition(type: string, status = 'True', more: Partial<Condition> = {}): Condition {
  return { type, status, lastTransitionTime: '2026-01-01T11:00:00Z', ...more }
}

export function nodeObject(name: string, conditions: readonly Condition[] = [], metadata: object = {}) {
  return asKept(apiPaths.nodes, { metadata: { name, ...metadata }, status: { conditions } })
}

/** The ConfigMap that openshift-install waits for. @param status undefined: without data */
export function bootstrapConfigMap(status?: string) {
  const data = status === undefined ? {} : { data: { status } }
  return asKept(apiPaths.bootstrapConfigMap, {
    metadata: { name: 'bootstrap', namespace: 'kube-system' },
    ...data,
  })
}

/** A request for tests in which only the requester matters. */
export function signingRequest(
  name: string,
  conditions: readonly Condition[] = [],
  username = 'system:serviceaccount:openshift-machine-config-operator:node-bootstrapper',
) {
  const spec = { username, signerName: 'kubernetes.io/kubelet-serving', request: 'LS0t' }
  return asKept(apiPaths.signingRequests, { metadata: { name }, spec, status: { conditions } })
}

export function clusterVersion(...conditions: readonly Condition[]) {
  const desired = { version: '4.17.3', image: 'quay.example.net/release@sha256:0000' }
  const status = { availableUpdates: null, desired, observedGeneration: 1, versionHash: 'x', conditions }
  return asKept(apiPaths.clusterVersion, {
    metadata: { name: 'version' },
    spec: { clusterID: '00000000-0000-4000-8000-000000000000', channel: 'stable-4.17' },
    status,
  })
}

export function clusterOperator(name: string, ...conditions: readonly Condition[]) {
  return asKept(apiPaths.clusterOperators, { metadata: { name }, spec: {}, status: { conditions } })
}

export function etcd(...conditions: readonly Condition[]) {
  const spec = { managementState: 'Managed' }
  return asKept(apiPaths.etcd, { metadata: { name: 'cluster' }, spec, status: { conditions } })
}
