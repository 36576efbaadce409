/** Reads the fields of a CertificateSigningRequest (certificates.k8s.io/v1) that the policy needs. Pure. */

/** The request, and the identity of its requester as the API server authenticated it. */
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

type Fields = Readonly<Record<string, unknown>>

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
    createdAt: Date.parse(text(creationTimestamp)),
    signerName: text(signerName),
    username: text(username),
    groups: texts(groups),
    usages: texts(usages),
    expirationSeconds: typeof expirationSeconds === 'number' ? expirationSeconds : undefined,
    request: text(request),
    isDecided: text(certificate) !== '' || types.some((type) => finalConditions.includes(text(type))),
  }
}

/**
 * Returns the object with an Approved condition, to be put on `/approval`. It keeps its version and uid, so the server
 * rejects the approval if the object changed.
 */
export function withApproval(value: unknown, message: string, now: number): object {
  const object = fields(value)
  const status = fields(object['status'])
  const { conditions } = status
  const at = `${new Date(now).toISOString().slice(0, 19)}Z`
  const condition = {
    ...{ type: 'Approved', status: 'True', reason: 'DeclaredNode', message },
    ...{ lastUpdateTime: at, lastTransitionTime: at },
  }
  const existing: readonly unknown[] = Array.isArray(conditions) ? conditions : []
  return { ...object, status: { ...status, conditions: [...existing, condition] } }
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(text) : []
}
