/**
 * One watch request: splits the response into lines of JSON and decodes each as an event, from a resource version
 * on, until the server ends the watch.
 */
import { apiProblem, ClusterError, type ErrorResponse } from './errors.ts'

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED'

export type WatchEvent =
  | { readonly type: WatchEventType; readonly object: unknown; readonly resourceVersion: string }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }

/** The server sent a line that is not an event. Later events may be missing, so the collection is listed again. */
export class BadEvent extends ClusterError {
  override readonly name = 'BadEvent'

  constructor(sentence: string) {
    super('cluster.response-invalid', sentence)
  }
}

/**
 * Less than 1 min, after which HAProxy closes an idle connection when it is configured as in OpenShift's manual
 * (`timeout server 1m`). It also limits how long a dead connection stays undetected.
 */
const watchSeconds = 50
const graceSeconds = 10

/** Sends a GET request. The response is an error, or the chunks of the body. */
type Open = (
  path: string,
  timeoutMs: number,
  signal: AbortSignal,
) => Promise<ErrorResponse | AsyncIterable<Uint8Array>>

/**
 * Calls `onOpen` when the server starts to answer, and `onEvent` with each event. Resolves when the server ends the
 * watch after the requested time.
 *
 * @throws {ApiProblem} for an error response, also for an ERROR event; {BadEvent}, {Unreachable}, {NoCredentials}
 */
export async function readWatch(
  open: Open,
  path: string,
  resourceVersion: string,
  onEvent: (event: WatchEvent) => void,
  signal: AbortSignal,
  onOpen: () => void,
): Promise<void> {
  const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${watchSeconds}&resourceVersion=${encodeURIComponent(resourceVersion)}`
  const watchPath = withQuery(path, query)
  const response = await open(watchPath, (watchSeconds + graceSeconds) * 1000, signal)
  if ('status' in response) throw apiProblem(response, { method: 'GET', path: watchPath })
  onOpen()
  const split = lineSplitter()
  // An event without a final newline is incomplete: the connection was closed within it.
  for await (const chunk of response) for (const line of split(chunk)) onEvent(decodeEvent(line))
}

/** Adds a parameter to the query of a path. */
export function withQuery(path: string, query: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${query}`
}

type AnyEvent = { readonly type?: unknown; readonly object?: unknown } | null

function decodeEvent(line: string): WatchEvent {
  let event: AnyEvent
  try {
    event = JSON.parse(line) as AnyEvent
  } catch {
    throw new BadEvent('the server sent an event that is not JSON')
  }
  const { type, object } = event ?? {}
  if (typeof object !== 'object' || object === null) {
    throw new BadEvent('the server sent an event without an object')
  }
  if (type === 'ERROR') {
    const { code } = object as { readonly code?: unknown }
    throw apiProblem({ status: typeof code === 'number' ? code : 500, text: JSON.stringify(object) })
  }
  const { metadata } = object as { readonly metadata?: { readonly resourceVersion?: unknown } | null }
  const resourceVersion = metadata?.resourceVersion
  if (typeof resourceVersion !== 'string') {
    throw new BadEvent('the server sent an event without a resourceVersion')
  }
  if (type === 'BOOKMARK') return { type, resourceVersion }
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') return { type, object, resourceVersion }
  throw new BadEvent(`the server sent an event of the unknown type ${JSON.stringify(type)}`)
}

/** etcd limits an object to 1.5 MiB; its JSON can be larger. */
const maxLineBytes = 8 * 1024 * 1024

const newline = 0x0a

/**
 * Returns a function that takes chunks as they arrive and returns the lines that each chunk completes. It splits
 * bytes, so a character that spans two chunks is decoded correctly. It skips empty lines.
 *
 * @throws {BadEvent} from the returned function, for a line of more than `maxBytes`
 */
export function lineSplitter(maxBytes = maxLineBytes): (chunk: Uint8Array) => string[] {
  let pending: Uint8Array[] = []
  let pendingBytes = 0

  const complete = (last: Uint8Array): string => {
    const decoder = new TextDecoder()
    const text = pending.map((part) => decoder.decode(part, { stream: true })).join('') + decoder.decode(last)
    pending = []
    pendingBytes = 0
    return text
  }
  const requireRoom = (bytes: number): void => {
    if (bytes > maxBytes) throw new BadEvent(`the server sent a line of more than ${maxBytes} bytes`)
  }

  return (chunk) => {
    const lines: string[] = []
    let from = 0
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      requireRoom(pendingBytes + at - from)
      const line = complete(chunk.subarray(from, at)).trim()
      if (line !== '') lines.push(line)
      from = at + 1
    }
    const rest = chunk.subarray(from)
    pendingBytes += rest.length
    requireRoom(pendingBytes)
    if (rest.length > 0) pending.push(rest)
    return lines
  }
}
