/** A CertificateSigningRequest (certificates.k8s.io/v1) as it came, made into what can be judged. Pure. */

/** What a request says of itself and what the API server says of who made it. */
export type Csr = {
  readonly name: string
  /** Milliseconds since 1970, by the cluster's clock. */
  readonly createdAt: number
  readonly signerName: string
  /** Who asked, as the API server knows him. */
  readonly username: string
  readonly groups: readonly string[]
  readonly usages: readonly string[]
  readonly expirationSeconds: number | undefined
  /** PEM in base64. */
  readonly request: string
  /** Somebody decided already, or it is issued. */
  readonly isSettled: boolean
}

type Fields = Readonly<Record<string, unknown>>

/** Types of conditions after which nothing is left to decide. */
const settling = ['Approved', 'Denied', 'Failed']

/** @returns `undefined` for what is no such object: without a name nothing can be done with it */
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
    isSettled: text(certificate) !== '' || types.some((type) => settling.includes(text(type))),
  }
}

/** The object with one condition more, to be put on `/approval`. Its version and uid stay: of another one it is refused. */
export function approved(value: unknown, message: string, now: number): object {
  const object = fields(value)
  const status = fields(object['status'])
  const { conditions } = status
  const at = `${new Date(now).toISOString().slice(0, 19)}Z`
  const condition = {
    ...{ type: 'Approved', status: 'True', reason: 'DeclaredNode', message },
    ...{ lastUpdateTime: at, lastTransitionTime: at },
  }
  const before: readonly unknown[] = Array.isArray(conditions) ? conditions : []
  return { ...object, status: { ...status, conditions: [...before, condition] } }
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
