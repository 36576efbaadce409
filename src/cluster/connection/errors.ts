/** Why a request to an API server failed, as an error whose message is one line of plain text. Pure. */

/** The server answered and refused. `reason` is its own, for example `Conflict` or `NotFound`. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly status: number
  readonly reason: string
  /** How long the server asks clients to wait, if it does. */
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, reason: string, message: string, retryAfterSeconds?: number) {
    super(message)
    this.status = status
    this.reason = reason
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The server did not answer, or its answer is incomplete or not one of an API server. */
export class Unreachable extends Error {
  override readonly name: string = 'Unreachable'
}

/** slipway closed the connection itself, because the kubeconfig changed. The request can be repeated. */
export class ConnectionReplaced extends Unreachable {
  override readonly name = 'ConnectionReplaced'
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

/** Reads the Status object of an API server, or the page of a proxy in front of it. */
export function apiProblem({ status, text, retryAfterSeconds }: ErrorResponse): ApiProblem {
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
  return new ApiProblem(status, reason, sentence, retryAfterSeconds)
}

/** Removes control characters, which could move the cursor of a terminal, and cuts long text. */
export function oneLine(text: string, maxCharacters: number): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return line.length > maxCharacters ? `${line.slice(0, maxCharacters)}…` : line
}

/** An error page states its reason at the start. */
const maxPageCharacters = 4096

/** Returns the text of an HTML page without its markup, and any other text unchanged. */
export function htmlText(text: string): string {
  const start = text.slice(0, maxPageCharacters)
  if (!/^\s*<[!a-z]/i.test(start)) return text
  return start.replace(/<(head|style|script)\b.*?<\/\1\s*>/gis, ' ').replace(/<[^>]*(?:>|$)/g, ' ')
}

/** Explains an error of the network or of TLS. */
export function explainNetworkError(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'connection refused, the API server is not listening yet'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'this machine cannot resolve its name'
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'no route to it'
    case 'ETIMEDOUT':
      return 'it does not respond'
    case 'ECONNRESET':
    case 'EPIPE':
      return 'the connection was closed by the other side'
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
      return (
        "its certificate was not issued by the kubeconfig's certificate authority: " +
        'the kubeconfig belongs to another installation, or the authority was rotated'
      )
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has expired'
    case 'CERT_NOT_YET_VALID':
      return "its certificate is not valid yet; check this machine's clock"
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'its certificate is for other names'
    default:
      return error.message
  }
}
