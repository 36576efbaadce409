/** How the API server is asked for a variant of a path, and how it says no. Pure. */
import { ApiProblem } from './api.ts'
import type { Answer } from './transport.ts'

/** `path` with one more part in its query. */
export function withQuery(path: string, query: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${query}`
}

/** What the server says of its refusal: a Status, where it is the API server that refuses. */
export function problemOf({ status, text }: Answer): ApiProblem {
  let said: { readonly message?: unknown; readonly reason?: unknown } = {}
  try {
    said = (JSON.parse(text) ?? {}) as typeof said
  } catch {
    // A proxy's words between us and the server.
  }
  const reason = typeof said.reason === 'string' ? said.reason : ''
  const message = typeof said.message === 'string' ? said.message : text.slice(0, 200)
  const name = reason === '' ? `${status}` : `${status} ${reason}`
  return new ApiProblem(status, reason, message === '' ? `refused with ${name}` : `${message} (${name})`)
}
