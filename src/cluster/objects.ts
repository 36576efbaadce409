/**
 * The objects of an API server that slipway reads: their paths, their fields with the names of the published OpenAPI
 * document, and the part of each kind to keep. Every field may be absent or of another type: nothing else checks what an
 * API server sends. Pure.
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

/** v1; the kernel makes another `bootID` each time it starts. */
export type NodeObject = Conditioned & {
  readonly status?: { readonly nodeInfo?: { readonly bootID?: string } }
}

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

/** Returns text unchanged, and an empty text for any other type. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** openshift-install waits for the same: the `bootstrap` ConfigMap has `status: complete`. */
export function isBootstrapComplete(configMap: ConfigMap): boolean {
  return nameOf(configMap) === 'bootstrap' && configMap.data?.['status'] === 'complete'
}

/**
 * A kind of objects that slipway follows. A Node lists every image on its disk, so keeping whole objects would cost much
 * memory.
 */
export type Kind<T> = {
  readonly path: string
  /** Returns the part of an object to keep, or undefined for an object to omit. */
  readonly keep: (object: unknown) => T | undefined
  /** If there are more objects, the oldest are omitted. */
  readonly maxItems?: number
}

/** A certificate signing request without a decision. */
export type PendingRequest = {
  readonly csr: Csr
  /** As received, to be sent back with an approval. Absent if slipway never approves the request. */
  readonly object?: unknown
}

/** Anyone with an Ignition file can create thousands of requests. This number is enough for an administrator. */
const maxRequests = 5000

export const kinds = {
  nodes: nodes(),
  signingRequests: pendingRequests(),
  bootstrapConfigMap: configMaps(apiPaths.bootstrapConfigMap),
  clusterVersion: conditioned<ClusterVersion>(apiPaths.clusterVersion),
  clusterOperators: conditioned<ClusterOperator>(apiPaths.clusterOperators),
  etcd: conditioned<Conditioned>(apiPaths.etcd),
} as const

function conditioned<T extends Conditioned>(path: string): Kind<T> {
  return {
    path,
    keep(object) {
      const { conditions } = (object as Conditioned).status ?? {}
      return { ...metadataOf(object), ...(conditions !== undefined && { status: { conditions } }) } as T
    },
  }
}

function nodes(): Kind<NodeObject> {
  const { path, keep } = conditioned<NodeObject>(apiPaths.nodes)
  return {
    path,
    keep(object) {
      const kept = keep(object)
      const bootID = textOf((object as NodeObject).status?.nodeInfo?.bootID)
      return bootID === '' ? kept : { ...kept, status: { ...kept?.status, nodeInfo: { bootID } } }
    },
  }
}

function configMaps(path: string): Kind<ConfigMap> {
  return {
    path,
    keep(object) {
      const { data } = object as ConfigMap
      return { ...metadataOf(object), ...(data !== undefined && { data }) }
    },
  }
}

/** The fields of the metadata that slipway reads. */
function metadataOf(object: unknown): Pick<ConfigMap, 'metadata'> {
  const { name, creationTimestamp } = (object as ConfigMap).metadata ?? {}
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
    },
  }
}

function pendingRequests(): Kind<PendingRequest> {
  return {
    path: apiPaths.signingRequests,
    maxItems: maxRequests,
    keep(object) {
      const csr = readCsr(object)
      if (csr === undefined || csr.isDecided) return undefined
      return isForKubelet(csr) ? { csr, object } : { csr: { ...csr, request: '' } }
    },
  }
}

/** A CertificateSigningRequest (certificates.k8s.io/v1): the request, and the identity of its requester as the API server authenticated it. */
export type Csr = {
  readonly name: string
  /** Milliseconds since 1970, by the cluster's clock; NaN if missing. */
  readonly createdAt: number
  readonly signerName: string
  /** The user name of the requester. */
  readonly username: string
  readonly groups: readonly string[]
  readonly usages: readonly string[]
  readonly expirationSeconds: number | undefined
  /** base64-encoded PEM. */
  readonly request: string
  /** Whether it was approved or denied, has failed, or has its certificate. */
  readonly isDecided: boolean
}

export const clientSigner = 'kubernetes.io/kube-apiserver-client-kubelet'
export const servingSigner = 'kubernetes.io/kubelet-serving'

/** The conditions after which no decision is left to make. */
const finalConditions = ['Approved', 'Denied', 'Failed']

/** Whether a node renews its client certificate, with the one that it has. */
export function isRenewal({ signerName, username }: Csr): boolean {
  return signerName === clientSigner && username.startsWith('system:node:')
}

export function isForKubelet({ signerName }: Csr): boolean {
  return signerName === clientSigner || signerName === servingSigner
}

/** @returns undefined for an object without a name */
export function readCsr(value: unknown): Csr | undefined {
  const { metadata, spec, status } = fields(value)
  const { name, creationTimestamp } = fields(metadata)
  if (typeof name !== 'string' || name === '') return undefined
  const { signerName, username, groups, usages, expirationSeconds, request } = fields(spec)
  const { conditions, certificate } = fields(status)
  const types = (Array.isArray(conditions) ? conditions : []).map((each: unknown) => fields(each)['type'])
  return {
    name,
    createdAt: Date.parse(textOf(creationTimestamp)),
    signerName: textOf(signerName),
    username: textOf(username),
    groups: textsOf(groups),
    usages: textsOf(usages),
    expirationSeconds: typeof expirationSeconds === 'number' ? expirationSeconds : undefined,
    request: textOf(request),
    isDecided: textOf(certificate) !== '' || types.some((type) => finalConditions.includes(textOf(type))),
  }
}

/**
 * Returns the object with an Approved condition, to be put on `/approval`. It keeps its version and uid, so the server
 * rejects the approval if the object changed.
 */
export function withApproval(
  value: unknown,
  { reason, message }: { readonly reason: string; readonly message: string },
  now: number,
): object {
  const object = fields(value)
  const status = fields(object['status'])
  const { conditions } = status
  const at = `${new Date(now).toISOString().slice(0, 19)}Z`
  const condition = {
    type: 'Approved',
    status: 'True',
    reason,
    message,
    lastUpdateTime: at,
    lastTransitionTime: at,
  }
  const existing: readonly unknown[] = Array.isArray(conditions) ? conditions : []
  return { ...object, status: { ...status, conditions: [...existing, condition] } }
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(textOf) : []
}
