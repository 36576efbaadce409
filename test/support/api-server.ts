/**
 * An API server for tests that behaves as the real one where we ask it: TLS with client certificates, lists in
 * pages, chunked watches with bookmarks, and on demand the ways in which it refuses or breaks off.
 *
 * Shapes are those of the published OpenAPI document (kubernetes/kubernetes, api/openapi-spec/v3): lists have
 * `kind apiVersion metadata{resourceVersion continue remainingItemCount} items` (ListMeta), refusals are
 * `Status{kind apiVersion metadata status message reason code}`, watches are lines of `WatchEvent{type object}`.
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Authority } from './certificates.ts'

export type ApiObject = {
  readonly metadata: {
    readonly name: string
    readonly resourceVersion?: string
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

type Refusal = { readonly status: number; readonly reason: string; readonly headers?: Record<string, string> }

type Watch = {
  readonly response: ServerResponse
  readonly path: string
  readonly from: number
  /** Whether it is about the object (`fieldSelector`). */
  readonly isSeen: (object: ApiObject) => boolean
}

export type ApiServer = {
  readonly port: number
  /** For who listens elsewhere too, as the masters of a cluster do: what TLS needs, and who answers. */
  readonly tls: ServerOptions
  readonly respond: (request: IncomingMessage, response: ServerResponse) => void
  /** As `METHOD path?query`. */
  readonly requests: readonly string[]
  /** A collection without items: one that was never held or put into is not there. */
  hold(path: string): void
  /** Open watches of a collection. */
  watches(path: string): readonly Watch[]
  /** Changes a collection and tells its watches. */
  put(path: string, item: ApiObject): void
  remove(path: string, name: string): void
  /** Forgets the changes up to now: watches from before are too old. */
  compact(): void
  /** Answers the next request for `path` with a refusal, as often as there are refusals. */
  refuse(path: string, ...refusals: readonly Refusal[]): void
  /** Octets as they are, to all watches of a collection: half an event, garbage, an ERROR. */
  write(path: string, text: string | Uint8Array): void
  bookmark(path: string): void
  /** Cuts the connections of a collection's watches, or ends them in order. */
  cut(path: string): void
  end(path: string): void
  /** Resolves when a watch of the collection is open. */
  watched(path: string): Promise<Watch>
  /** Answers whatever else is asked. */
  onOther(answer: (request: IncomingMessage, response: ServerResponse) => void): void
  close(): Promise<void>
}

/** @param names of its certificate @param pageItems how many items of a list it gives at once */
export async function startApiServer(
  authority: Authority,
  names = 'DNS:api.c1.example.net,IP:127.0.0.1',
  pageItems = 500,
): Promise<ApiServer> {
  const collections = new Map<string, Map<string, ApiObject>>()
  const history: { path: string; type: string; object: ApiObject; version: number }[] = []
  const refusals = new Map<string, Refusal[]>()
  const watches: Watch[] = []
  const requests: string[] = []
  const waiting: { path: string; resolve: (watch: Watch) => void }[] = []
  let version = 100
  let oldest = 0
  let other: (request: IncomingMessage, response: ServerResponse) => void = (_, response) =>
    sendRefusal(response, { status: 404, reason: 'NotFound' })

  const pair = authority.server(names)
  const tls = {
    ...{ key: pair.key, cert: pair.certificate, ca: authority.certificate },
    // As the real one: anybody may connect, and is somebody only by a certificate or a token.
    ...{ requestCert: true, rejectUnauthorized: false },
  }
  const server = createServer(tls, respond)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  function respond(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'https://server')
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`)
    const isKnown =
      (request.socket as { authorized?: boolean }).authorized === true ||
      request.headers.authorization === 'Bearer sha256~token'
    if (!isKnown) {
      sendRefusal(response, { status: 401, reason: 'Unauthorized' })
      return
    }
    const refusal = refusals.get(url.pathname)?.shift()
    if (refusal !== undefined) sendRefusal(response, refusal)
    else if (url.searchParams.has('watch')) watch(url, response)
    else answer(url, request, response)
  }

  function answer(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const items = collections.get(url.pathname)
    if (items !== undefined && request.method === 'GET') {
      const selected = [...items.values()].filter((item) => isSelected(item, url.searchParams))
      sendJson(response, 200, page(selected, url.searchParams))
      return
    }
    const [, path = '', name = '', part = ''] = /^(.*?)\/([^/]+?)(\/approval)?$/.exec(url.pathname) ?? []
    const item = collections.get(path)?.get(name)
    if (item === undefined) other(request, response)
    else if (request.method === 'GET') sendJson(response, 200, item)
    else void replace(path, item, request, response, part !== '')
  }

  /**
   * Refuses what was read before another's change, as optimistic concurrency wants it.
   *
   * @param isApproval of a certificate request, where nothing but its conditions is taken
   */
  async function replace(
    path: string,
    item: ApiObject,
    request: IncomingMessage,
    response: ServerResponse,
    isApproval: boolean,
  ): Promise<void> {
    const chunks: Uint8Array[] = []
    for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk)
    const next = JSON.parse(Buffer.concat(chunks).toString()) as ApiObject
    if (next.metadata.resourceVersion !== item.metadata.resourceVersion) {
      sendRefusal(response, { status: 409, reason: 'Conflict' })
      return
    }
    put(path, isApproval ? { ...item, status: { ...statusOf(item), ...conditionsOf(next) } } : next)
    sendJson(response, 200, collections.get(path)?.get(next.metadata.name) ?? {})
  }

  function page(all: readonly ApiObject[], query: URLSearchParams): object {
    const from = Number(query.get('continue') ?? 0)
    const size = Math.min(pageItems, Number(query.get('limit') ?? all.length))
    const rest = all.length - from - size
    return {
      ...{ kind: 'List', apiVersion: 'v1' },
      metadata: {
        resourceVersion: `${version}`,
        ...(rest > 0 ? { continue: `${from + size}`, remainingItemCount: rest } : {}),
      },
      items: all.slice(from, from + size),
    }
  }

  function watch(url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('resourceVersion'))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const path = url.pathname
    if (from < oldest) {
      // The real one says so with status 200 and an event.
      const object = statusObject({ status: 410, reason: 'Expired' })
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`)
      return
    }
    const isSeen = (object: ApiObject): boolean => isSelected(object, url.searchParams)
    for (const change of history) {
      if (change.path !== path || change.version <= from || !isSeen(change.object)) continue
      response.write(eventLine(change.type, change.object))
    }
    const opened = { response, path, from, isSeen }
    watches.push(opened)
    const seconds = Number(url.searchParams.get('timeoutSeconds') ?? 3600)
    const limit = setTimeout(() => response.end(), seconds * 1000).unref()
    response.on('close', () => {
      clearTimeout(limit)
      watches.splice(watches.indexOf(opened), 1)
    })
    for (const each of waiting.filter((one) => one.path === path)) {
      waiting.splice(waiting.indexOf(each), 1)
      each.resolve(opened)
    }
  }

  function tell(path: string, type: string, object: ApiObject): void {
    history.push({ path, type, object, version })
    for (const { response, isSeen } of of(path)) if (isSeen(object)) response.write(eventLine(type, object))
  }

  function put(path: string, item: ApiObject): void {
    version++
    const items = itemsOf(path)
    const type = items.has(item.metadata.name) ? 'MODIFIED' : 'ADDED'
    const object = { ...item, metadata: { ...item.metadata, resourceVersion: `${version}` } }
    items.set(item.metadata.name, object)
    tell(path, type, object)
  }

  function itemsOf(path: string): Map<string, ApiObject> {
    const items = collections.get(path) ?? new Map<string, ApiObject>()
    collections.set(path, items)
    return items
  }

  const of = (path: string): Watch[] => watches.filter((each) => each.path === path)

  return {
    port: (server.address() as AddressInfo).port,
    tls,
    respond,
    requests,
    hold: (path) => void itemsOf(path),
    watches: of,
    put,
    remove(path, name) {
      const item = collections.get(path)?.get(name)
      collections.get(path)?.delete(name)
      version++
      if (item === undefined) return
      tell(path, 'DELETED', { ...item, metadata: { ...item.metadata, resourceVersion: `${version}` } })
    },
    compact() {
      oldest = ++version
      history.length = 0
    },
    refuse: (path, ...more) => void refusals.set(path, [...more]),
    write: (path, text) => {
      for (const { response } of of(path)) response.write(text)
    },
    bookmark(path) {
      version++
      const metadata = { resourceVersion: `${version}`, creationTimestamp: null }
      for (const { response } of of(path)) {
        response.write(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata } })}\n`)
      }
    },
    cut: (path) => {
      for (const { response } of of(path)) response.destroy()
    },
    end: (path) => {
      for (const { response } of of(path)) response.end()
    },
    watched: (path) => {
      const [open] = of(path)
      if (open !== undefined) return Promise.resolve(open)
      return new Promise((resolve) => waiting.push({ path, resolve }))
    },
    onOther: (next) => void (other = next),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** By name only, as a collection of one is watched. */
function isSelected({ metadata }: ApiObject, query: URLSearchParams): boolean {
  const [, name] = /^metadata\.name=(.*)$/.exec(query.get('fieldSelector') ?? '') ?? []
  return name === undefined || metadata.name === name
}

function statusOf({ status }: ApiObject): object {
  return typeof status === 'object' && status !== null ? status : {}
}

function conditionsOf(object: ApiObject): object {
  const { conditions } = statusOf(object) as { readonly conditions?: unknown }
  return { conditions }
}

function eventLine(type: string, object: ApiObject): string {
  return `${JSON.stringify({ type, object })}\n`
}

function statusObject({ status, reason }: Refusal): object {
  return {
    ...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' },
    ...{ message: `the test says ${reason}`, reason, code: status },
  }
}

function sendRefusal(response: ServerResponse, refusal: Refusal): void {
  sendJson(response, refusal.status, statusObject(refusal), refusal.headers)
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** A kubeconfig as openshift-install writes it: one context, everything inline. */
export function kubeconfigText(
  server: string,
  authority: Authority,
  user: Readonly<Record<string, unknown>>,
  cluster: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', preferences: {}, 'current-context': 'admin' },
    clusters: [
      {
        name: 'c1',
        cluster: { server, 'certificate-authority-data': base64(authority.certificate), ...cluster },
      },
    ],
    contexts: [{ name: 'admin', context: { cluster: 'c1', user: 'admin' } }],
    users: [{ name: 'admin', user }],
  })
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
