/** How the API server is asked for a variant of a path, and how it says no. Pure. */
import { ApiProblem } from './api.ts'
import { oneLine, wordsOf } from './one-line.ts'
import type { Answer } from './transport.ts'

/** `path` with one more part in its query. */
export function withQuery(path: string, query: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${query}`
}

const mostMessage = 300
const mostReason = 40

/** What the server says of its refusal, on one line: a Status, where it is the API server that refuses. */
export function problemOf({ status, text, retryAfterSeconds }: Answer): ApiProblem {
  let said: { readonly message?: unknown; readonly reason?: unknown } = {}
  try {
    said = (JSON.parse(text) ?? {}) as typeof said
  } catch {
    // The words of a proxy between us and the server, or of what answers before the server proper.
  }
  const reason = typeof said.reason === 'string' ? oneLine(said.reason, mostReason) : ''
  const message = oneLine(typeof said.message === 'string' ? said.message : wordsOf(text), mostMessage)
  const name = reason === '' ? `${status}` : `${status} ${reason}`
  const sentence = message === '' ? `refused with ${name}` : `${message} (${name})`
  return new ApiProblem(status, reason, sentence, retryAfterSeconds)
}
