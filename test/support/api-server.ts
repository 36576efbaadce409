/**
 * A test API server with the behavior that slipway depends on: TLS with client certificates, lists in pages, chunked
 * watches with bookmarks, and refusals and interruptions on demand. api-shapes.ts validates its objects with the
 * published documents.
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../../src/host/clock.ts'
import {
  asAnswered,
  asKept,
  bookmarkLine,
  errorLine,
  eventLine,
  apiPathOf,
  statusOf,
  versionInfo,
  type ApiObject,
} from './api-shapes.ts'
import { createPages } from './api-pages.ts'
import { notServed, send, sendRefusal, type Refusal } from './api-send.ts'
import { updated } from './api-update.ts'
import type { Authority } from './certificates.ts'

export type { ApiObject } from './api-shapes.ts'

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED'

type Watch = {
  readonly response: ServerResponse
  readonly url: URL
  readonly path: string
  readonly from: number
}

export type ApiServer = {
  readonly port: number
  /** The TLS options and the request handler, to listen on other addresses too. */
  readonly tls: ServerOptions
  readonly respond: (request: IncomingMessage, response: ServerResponse) => void
  /** Requests so far, as `METHOD path?query`. */
  readonly requests: readonly string[]
  /** Open watches of a collection. */
  watches(path: string): readonly Watch[]
  /** Changes a collection and sends the event to its watches. */
  put(path: string, item: ApiObject): void
  remove(path: string, name: string): void
  /** Removes the history: earlier resource versions are too old. */
  compact(): void
  /** Sets the responses to the next requests for `path`: a refusal, a normal response, or a reset connection. */
  refuse(path: string, ...fates: readonly (Refusal | 'answer' | 'cut')[]): void
  /** Continues at an older version, like etcd after a restore from a snapshot. Ends all connections. */
  restore(version: number): void
  /** Writes a text to all watches of a collection: a partial event, an invalid one, an ERROR. */
  write(path: string, text: string | Uint8Array): void
  bookmark(path: string): void
  /** Resets the connections of a collection's watches, or ends the responses. */
  cut(path: string): void
  end(path: string): void
  /** From now on, watches end after their `timeoutSeconds`. */
  keepTime(clock: Clock): void
  /** Replaces the server certificate and the trusted CA. Ends all connections. */
  rotate(own: Authority, clients: Authority): void
  /** Resolves when a watch of the collection is open. */
  watched(path: string): Promise<Watch>
  /** Handles all other requests. */
  onOther(answer: (request: IncomingMessage, response: ServerResponse) => void): void
  close(): Promise<void>
}

/** @param names of its certificate @param pageItems maximum number of items of a page */
export async function startApiServer(
  authority: Authority,
  names = 'DNS:api.c1.example.net,IP:127.0.0.1',
  pageItems = 500,
): Promise<ApiServer> {
  const collections = new Map<string, Map<string, ApiObject>>()
  const history: { path: string; type: EventType; object: ApiObject; version: number }[] = []
  const fates = new Map<string, (Refusal | 'answer' | 'cut')[]>()
  const pages = createPages(pageItems)
  const watches: Watch[] = []
  const requests: string[] = []
  const waiting: { path: string; resolve: (watch: Watch) => void }[] = []
  let version = 100
  let oldest = 0
  let clock: Clock | undefined
  let other = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url === '/version') send(request, response, 200, asAnswered(request.url, versionInfo))
    else sendRefusal(response, notServed)
  }

  const pair = authority.server(names)
  const tls = {
    key: pair.key,
    cert: pair.certificate,
    ca: authority.certificate,
    // Like a real API server: accepts every connection, and authenticates by certificate or token.
    requestCert: true,
    rejectUnauthorized: false,
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
    const fate = fates.get(url.pathname)?.shift() ?? 'answer'
    if (fate === 'cut') request.socket.destroy()
    else if (fate !== 'answer') sendRefusal(response, fate)
    else if (url.searchParams.has('watch')) watch(url, response)
    else answer(url, request, response)
  }

  function answer(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const place = apiPathOf(url.pathname)
    const items = place && collections.get(place.collection)
    if (place === undefined || (items === undefined && !place.isBuiltIn)) {
      other(request, response)
      return
    }
    const { collection, name } = place
    if (name === undefined) {
      list(url, request, response)
      return
    }
    const item = items?.get(name)
    if (item === undefined) {
      sendRefusal(response, { status: 404, reason: 'NotFound' })
    } else if (request.method === 'GET') send(request, response, 200, asAnswered(url.pathname, item))
    else void replace(collection, url.pathname, item, request, response)
  }

  async function replace(
    collection: string,
    path: string,
    item: ApiObject,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const chunks: Uint8Array[] = []
    for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk)
    const next = updated(path, item, JSON.parse(Buffer.concat(chunks).toString()) as ApiObject)
    if (next.kind === 'refused') {
      const { status, reason, message } = next
      send(request, response, status, statusOf(status, reason, message))
      return
    }
    send(request, response, 200, put(collection, next.object))
  }

  function list(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const page = pages.page(url, { version, items: selected(url) }, oldest)
    const message = 'The provided continue parameter is too old to display a consistent list result.'
    if (page === undefined) send(request, response, 410, statusOf(410, 'Expired', message))
    else send(request, response, 200, page)
  }

  /** Sorted by name, like in etcd. */
  function selected(url: URL): readonly ApiObject[] {
    return [...(collections.get(url.pathname)?.values() ?? [])]
      .filter(({ metadata }) => isSelected(url, metadata.name))
      .sort((one, another) => (one.metadata.name < another.metadata.name ? -1 : 1))
  }

  function watch(url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('resourceVersion'))
    const path = url.pathname
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    if (from < oldest) {
      response.end(errorLine(410, 'Expired', `too old resource version: ${from} (${oldest})`))
      return
    }
    const opened = { response, path, from, url }
    for (const { type, object } of history.filter((each) => each.path === path && each.version > from)) {
      tellOne(opened, type, object)
    }
    watches.push(opened)
    const seconds = Number(url.searchParams.get('timeoutSeconds'))
    const timer = clock?.after(seconds * 1000, () => response.end())
    response.on('close', () => {
      timer?.cancel()
      watches.splice(watches.indexOf(opened), 1)
    })
    for (const each of waiting.filter((one) => one.path === path)) {
      waiting.splice(waiting.indexOf(each), 1)
      each.resolve(opened)
    }
  }

  function tellOne({ response, path, url }: Watch, type: EventType, object: ApiObject): void {
    if (isSelected(url, object.metadata.name)) response.write(eventLine(path, type, object))
  }

  function tell(path: string, type: EventType, object: ApiObject): void {
    history.push({ path, type, object, version })
    for (const each of of(path)) tellOne(each, type, object)
  }

  function put(path: string, item: ApiObject): ApiObject {
    const metadata = { ...item.metadata, resourceVersion: `${++version}` }
    const object = asKept(path, { ...item, metadata })
    const items = collections.get(path) ?? new Map<string, ApiObject>()
    collections.set(path, items)
    const type = items.has(item.metadata.name) ? 'MODIFIED' : 'ADDED'
    items.set(item.metadata.name, object)
    tell(path, type, object)
    return object
  }

  const of = (path: string): Watch[] => watches.filter((each) => each.path === path)

  return {
    port: (server.address() as AddressInfo).port,
    tls,
    respond,
    requests,
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
    restore(older) {
      version = older
      history.length = 0
      for (const { response } of [...watches]) response.destroy()
    },
    refuse: (path, ...more) => void fates.set(path, [...more]),
    write: (path, text) => {
      for (const { response } of of(path)) response.write(text)
    },
    bookmark(path) {
      const line = bookmarkLine(path, `${++version}`)
      for (const { response } of of(path)) response.write(line)
    },
    cut: (path) => {
      for (const { response } of of(path)) response.destroy()
    },
    end: (path) => {
      for (const { response } of of(path)) response.end()
    },
    keepTime: (given) => void (clock = given),
    rotate(own, clients) {
      const { key, certificate: cert } = own.server(names)
      server.setSecureContext({ key, cert, ca: clients.certificate })
      server.closeAllConnections()
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

function isSelected(url: URL, name: string): boolean {
  const [, wanted] = /^metadata\.name=(.*)$/.exec(url.searchParams.get('fieldSelector') ?? '') ?? []
  return wanted === undefined || wanted === name
}

/** Returns a kubeconfig as openshift-install writes it: one context, with embedded certificates. */
export function kubeconfigText(
  server: string,
  authority: Authority,
  user: Readonly<Record<string, unknown>>,
  cluster: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    preferences: {},
    'current-context': 'admin',
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
