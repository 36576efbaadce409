/** Why a request to an API server failed, as an error with a code and a message of one line of plain text. Pure. */
import type { ClusterCode, Problem } from '../codes.ts'
import { missingPermission } from '../rbac.ts'

/** The message is a sentence without a full stop. */
export class ClusterError extends Error {
  override readonly name: string = 'ClusterError'
  readonly code: ClusterCode

  constructor(code: ClusterCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export function problemOf(error: unknown): Problem {
  const { message: sentence } = error as Error
  return { code: error instanceof ClusterError ? error.code : 'cluster.unreachable', sentence }
}

/** Why a kubeconfig cannot be used. The message ends a sentence that starts with its path. */
export class BadKubeconfig extends ClusterError {
  override readonly name = 'BadKubeconfig'

  constructor(message: string, code: ClusterCode = 'cluster.kubeconfig-invalid') {
    super(code, message)
  }
}

/** The server answered and refused. `reason` is its own, for example `Conflict` or `NotFound`. */
export class ApiProblem extends ClusterError {
  override readonly name = 'ApiProblem'
  readonly status: number
  readonly reason: string
  /** How long the server asks clients to wait, if it does. */
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, reason: string, message: string, retryAfterSeconds?: number) {
    super(codeOfStatus(status), message)
    this.status = status
    this.reason = reason
    this.retryAfterSeconds = retryAfterSeconds
  }
}

function codeOfStatus(status: number): ClusterCode {
  if (status === 401) return 'cluster.unauthorized'
  if (status === 403) return 'cluster.forbidden'
  if (status === 429) return 'cluster.overloaded'
  return status >= 500 ? 'cluster.api-failed' : 'cluster.refused'
}

/** The server did not answer, or its answer is incomplete or not one of an API server. */
export class Unreachable extends ClusterError {
  override readonly name: string = 'Unreachable'
}

/** slipway closed the connection itself, because the kubeconfig changed. The request can be repeated. */
export class ConnectionReplaced extends Unreachable {
  override readonly name = 'ConnectionReplaced'
}

/** The server sent a line that is not an event. Later events may be missing, so the collection is listed again. */
export class BadEvent extends ClusterError {
  override readonly name = 'BadEvent'

  constructor(sentence: string) {
    super('cluster.response-invalid', sentence)
  }
}

/** Whether the server no longer has the changes since a resource version: list the collection again. */
export function isExpired(error: unknown): boolean {
  return error instanceof ApiProblem && error.status === 410
}

/** Whether the whole server is affected, and not only the path of the request. */
export function isServerWide(error: unknown): boolean {
  if (error instanceof ApiProblem) return error.status >= 500 || error.status === 429
  return error instanceof Unreachable
}

export type ErrorResponse = {
  readonly status: number
  readonly text: string
  readonly retryAfterSeconds?: number
}

const maxMessageCharacters = 300
const maxReasonCharacters = 40

/**
 * Reads the Status object of an API server, or the page of a proxy in front of it.
 *
 * @param request that was refused, to name the permission that it needs
 */
export function apiProblem(
  { status, text, retryAfterSeconds }: ErrorResponse,
  request?: { readonly method: 'GET' | 'PUT'; readonly path: string },
): ApiProblem {
  let body: { readonly message?: unknown; readonly reason?: unknown } = {}
  try {
    body = (JSON.parse(text) ?? {}) as typeof body
  } catch {
    // Not a Status object: a proxy answered, or a handler in front of the API.
  }
  const reason = typeof body.reason === 'string' ? oneLine(body.reason, maxReasonCharacters) : ''
  const content = typeof body.message === 'string' ? body.message : htmlText(text)
  const message = oneLine(content, maxMessageCharacters)
  const name = reason === '' ? `${status}` : `${status} ${reason}`
  const sentence = message === '' ? `refused with ${name}` : `${message} (${name})`
  const hint = status === 403 && request !== undefined ? missingPermission(request.method, request.path) : ''
  return new ApiProblem(status, reason, sentence + hint, retryAfterSeconds)
}

/** Removes control characters, which could move the cursor of a terminal, and cuts long text. */
export function oneLine(text: string, maxCharacters: number): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return line.length > maxCharacters ? `${line.slice(0, maxCharacters)}…` : line
}

/** An error page states its reason at the start. */
const maxPageCharacters = 4096

/** Returns the text of an HTML page without its markup, and any other text unchanged. */
function htmlText(text: string): string {
  const start = text.slice(0, maxPageCharacters)
  if (!/^\s*<[!a-z]/i.test(start)) return text
  return start.replace(/<(head|style|script)\b.*?<\/\1\s*>/gis, ' ').replace(/<[^>]*(?:>|$)/g, ' ')
}

/** Explains an error of the network or of TLS. */
export function explainNetworkError({ code = '', message }: NodeJS.ErrnoException): Problem {
  return networkProblems[code] ?? { code: 'cluster.unreachable', sentence: message }
}

const closed: Problem = {
  code: 'cluster.connection-closed',
  sentence: 'the connection was closed by the other side',
}
const noRoute: Problem = { code: 'cluster.no-route', sentence: 'no route to host' }
const unresolved: Problem = {
  code: 'cluster.name-not-resolved',
  sentence: 'this machine cannot resolve its name',
}
const otherAuthority: Problem = {
  code: 'cluster.authority-mismatch',
  sentence:
    "its certificate was not issued by the kubeconfig's certificate authority: " +
    'the kubeconfig belongs to another installation, or the authority was rotated',
}

const networkProblems: Readonly<Record<string, Problem>> = {
  ECONNREFUSED: {
    code: 'cluster.connection-refused',
    sentence: 'connection refused, the API server is not listening yet',
  },
  ENOTFOUND: unresolved,
  EAI_AGAIN: unresolved,
  EHOSTUNREACH: noRoute,
  ENETUNREACH: noRoute,
  ETIMEDOUT: { code: 'cluster.no-response', sentence: 'it does not respond' },
  ECONNRESET: closed,
  EPIPE: closed,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: otherAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: otherAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: otherAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: otherAuthority,
  CERT_SIGNATURE_FAILURE: otherAuthority,
  CERT_HAS_EXPIRED: { code: 'cluster.certificate-expired', sentence: 'its certificate has expired' },
  CERT_NOT_YET_VALID: {
    code: 'cluster.certificate-not-yet-valid',
    sentence: "its certificate is not valid yet; check this machine's clock",
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    code: 'cluster.certificate-for-other-names',
    sentence: 'its certificate is not valid for this host name',
  },
}
