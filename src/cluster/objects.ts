/**
 * The fields of API objects that slipway reads, with the names of the published OpenAPI document. Every field may be
 * absent or of another type: nothing else checks what an API server sends. Pure.
 */

type Metadata = {
  readonly name?: string
  readonly resourceVersion?: string
  /** As `2026-11-21T06:39:13Z`. */
  readonly creationTimestamp?: string
}

/** `status` is `True`, `False` or `Unknown`. */
export type Condition = {
  readonly type?: string
  readonly status?: string
  readonly reason?: string
  readonly message?: string
  /** As `2026-11-21T06:39:13Z`. */
  readonly lastTransitionTime?: string
}

export type Conditioned = {
  readonly metadata?: Metadata
  readonly status?: { readonly conditions?: readonly Condition[] }
}

/** v1 */
export type NodeObject = Conditioned

/** v1 */
export type ConfigMap = {
  readonly metadata?: Metadata
  readonly data?: Readonly<Record<string, string>>
}

/** v1; values are base64. */
export type Secret = {
  readonly metadata?: Metadata
  readonly data?: Readonly<Record<string, string>>
}

/** config.openshift.io/v1 */
export type ClusterVersion = Conditioned
/** config.openshift.io/v1 */
export type ClusterOperator = Conditioned

export const apiPaths = {
  version: '/version',
  nodes: '/api/v1/nodes',
  signingRequests: '/apis/certificates.k8s.io/v1/certificatesigningrequests',
  /** A collection of at most one object, because only collections can be watched. */
  bootstrapConfigMap: '/api/v1/namespaces/kube-system/configmaps?fieldSelector=metadata.name%3Dbootstrap',
  clusterVersion: '/apis/config.openshift.io/v1/clusterversions',
  clusterOperators: '/apis/config.openshift.io/v1/clusteroperators',
  etcd: '/apis/operator.openshift.io/v1/etcds',
} as const

export function conditionOf(object: Conditioned | undefined, type: string): Condition | undefined {
  const conditions: unknown = object?.status?.conditions
  // The server may send anything.
  return Array.isArray(conditions)
    ? ((conditions as readonly (Condition | null)[]).find((each) => each?.type === type) ?? undefined)
    : undefined
}

export function isTrue(object: Conditioned | undefined, type: string): boolean {
  return conditionOf(object, type)?.status === 'True'
}

export function nameOf(object: { readonly metadata?: Metadata }): string {
  return textOf(object.metadata?.name)
}

/** Returns milliseconds since 1970, or undefined if `value` is not a time. */
export function timeOf(value: unknown): number | undefined {
  const ms = Date.parse(textOf(value))
  return Number.isNaN(ms) ? undefined : ms
}

/** Returns an empty text for anything but a text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** openshift-install waits for the same: the `bootstrap` ConfigMap has `status: complete`. */
export function isBootstrapComplete(configMap: ConfigMap): boolean {
  return nameOf(configMap) === 'bootstrap' && configMap.data?.['status'] === 'complete'
}
