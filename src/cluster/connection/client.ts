/**
 * The calls to a cluster's API server: JSON, lists in pages, watches, error responses, and the waits that the server
 * asks for.
 */
import { type Clock, pause } from '../../host/clock.ts'
import { loadDecoder, type KubeconfigFile } from '../kubeconfig/file.ts'
import { apiProblem, BadEvent, isExpired, Unreachable, type ErrorResponse } from './errors.ts'
import { createBackoff, follow, type FollowHandlers, type Listed, type WatchEvent } from './follow.ts'
import { createTransport, type ApiRequest } from './transport.ts'

/**
 * Paths are those of the API, with their query: `/api/v1/nodes?limit=500`. The server may send anything: treat every
 * field of `T` as possibly absent.
 */
export type ClusterApi = {
  /** @throws {ApiProblem} when the server refuses, {Error} with a sentence when it cannot be reached */
  get<T>(path: string, signal?: AbortSignal): Promise<T>
  /** Follows `continue`, within bounds. @throws as {@link ClusterApi.get} */
  list<T>(path: string, signal?: AbortSignal): Promise<Listed<T>>
  /** See {@link follow}. Resolves when `signal` aborts; never rejects. */
  follow<T>(path: string, handlers: FollowHandlers<T>, signal: AbortSignal): Promise<void>
  /** Waits after a 429 as long as the server asks, a few times. @throws as {@link ClusterApi.get} */
  put<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T>
}

export type ClusterConnection = ClusterApi & {
  /** Ends all requests. */
  close(): void
}

type ConnectOptions = {
  readonly kubeconfig: Pick<KubeconfigFile, 'credentials'>
  readonly clock: Clock
  /** Returns 0 up to 1; spreads the attempts of several clients. */
  readonly random?: () => number
}

const pageItems = 500
/** 100,000 items: no cluster has as many nodes, requests or operators. */
const maxPages = 200
/** A list whose next page expired starts again this often at most. */
const maxListings = 3

/** A request that gets a 429 is repeated this often, each time after the requested delay within this bound. */
const maxRetries = 5
const maxRetrySeconds = 30

/** Sends nothing before the first call. */
export function connectCluster({
  kubeconfig,
  clock,
  random = Math.random,
}: ConnectOptions): ClusterConnection {
  const transport = createTransport(async () => {
    await loadDecoder()
    return kubeconfig.credentials()
  }, clock)
  const backoff = createBackoff(clock, random)

  async function send<T>(request: ApiRequest, retries = 0): Promise<T> {
    const response = await transport.exchange(request)
    if (response.status === 200 || response.status === 201) return decodeObject(response.text) as T
    if (response.status !== 429 || retries === maxRetries) throw apiProblem(response, request)
    const seconds = Math.min(response.retryAfterSeconds ?? 1, maxRetrySeconds)
    await pause(clock, seconds * 1000, request.signal)
    return send(request, retries + 1)
  }

  const get = <T>(path: string, signal?: AbortSignal) => send<T>({ method: 'GET', path, signal })

  async function list<T>(path: string, signal?: AbortSignal): Promise<Listed<T>> {
    for (let listings = 1; ; listings++) {
      try {
        return await listPages((page) => get<Page>(page, signal), path)
      } catch (error) {
        if (!isExpired(error) || listings === maxListings) throw error
      }
    }
  }

  return {
    get,
    list,
    follow: (path, handlers, signal) =>
      follow(
        {
          list: (within) => list(path, within),
          newestVersion: async (within) => versionOf(await get<Page>(withQuery(path, 'limit=1'), within)),
          watch: (...options) => readWatch((...request) => transport.open(...request), path, ...options),
        },
        handlers,
        { signal, clock, backoff },
      ),
    put: (path, body, signal) => send({ method: 'PUT', path, body: JSON.stringify(body), signal }),
    close: () => transport.close(),
  }
}

/** As the server sends it; every field may be absent. */
type Page = {
  readonly items?: unknown
  readonly metadata?: { readonly resourceVersion?: unknown; readonly continue?: unknown } | null
}

async function listPages<T>(get: (path: string) => Promise<Page>, path: string): Promise<Listed<T>> {
  const items: T[] = []
  let query = `limit=${pageItems}`
  for (let pages = 0; pages < maxPages; pages++) {
    const page = await get(withQuery(path, query))
    if (Array.isArray(page.items)) items.push(...(page.items.filter(isObject) as T[]))
    const token = page.metadata?.continue
    if (typeof token !== 'string' || token === '') return { items, resourceVersion: versionOf(page) }
    query = `limit=${pageItems}&continue=${encodeURIComponent(token)}`
  }
  throw new Unreachable('cluster.response-invalid', `the list ${path} has more than ${maxPages} pages`)
}

function versionOf({ metadata }: Page): string {
  const version = metadata?.resourceVersion
  return typeof version === 'string' ? version : ''
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** @throws {Unreachable} for anything but a JSON object: a login page, an incomplete response */
function decodeObject(text: string): object {
  try {
    const value = JSON.parse(text) as unknown
    if (isObject(value)) return value
  } catch {
    // Reported below, with the text.
  }
  throw new Unreachable(
    'cluster.response-invalid',
    `the response is not a JSON object: ${JSON.stringify(text.slice(0, 60))}`,
  )
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
 * @throws {ApiProblem} for an error response, and for an ERROR event; {BadEvent}, {Unreachable}, {NoCredentials}
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
