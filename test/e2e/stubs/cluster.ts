/**
 * The machines of a cluster that stand, run in their namespace: `node cluster.ts SOCKET FOLDER DOMAIN`. Those of the
 * control plane share one API server's objects on 6443 and give machine configs on 22623; routers answer on 80 and 443,
 * and on 1936 whether they are ready. Every answer says by `x-served-by` which address gave it. `FOLDER` gets the
 * certificate of the cluster's authority and a kubeconfig for `api.DOMAIN`, as openshift-install leaves it. What
 * happens when is told over the socket ({@link ClusterCalls}).
 */
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { systemClock } from '../../../src/host/clock.ts'
import { base64, kubeconfigText, startApiServer, type ApiObject } from '../../support/api-server.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { watchLateness } from '../lateness.ts'
import { serveCalls } from '../remote.ts'

/** Its address is on an interface already. */
export type Machine = { readonly address: string; readonly serves: 'control plane' | 'ingress' }

/** A certificate request: when it appeared, and when it was approved. Milliseconds since 1970. */
export type Asked = {
  readonly name: string
  readonly askedAt: number
  readonly approvedAt?: number
  /** How long this process did not get to run: up to when it appeared, then in between. */
  readonly lateMs: number
}

export type ClusterCalls = typeof calls

const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests'

const [socket = '', folder = '', domain = ''] = process.argv.slice(2)
const authority = makeAuthority()
const names = [`api.${domain}`, `api-int.${domain}`, `*.apps.${domain}`].map((name) => `DNS:${name}`)
const api = await startApiServer(authority, names.join(','))
api.keepTime(systemClock)

function keep(file: string, content: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), content, { mode: 0o600 })
}
const admin = authority.client('/O=system:masters/CN=system:admin')
const user = {
  'client-certificate-data': base64(admin.certificate),
  'client-key-data': base64(admin.key),
}
keep('ca.crt', authority.certificate)
keep('auth/kubeconfig', kubeconfigText(`https://api.${domain}:6443`, authority, user))

type Standing = {
  readonly servers: readonly Server[]
  /** Also those whose TLS has not begun, which the servers themselves do not know of. */
  readonly sockets: ReadonlySet<Socket>
  isReady: boolean
}
const standing = new Map<string, Standing>()
const requests = new Map<string, Asked>()
const lateness = watchLateness()

const isReady = (address: string): boolean => standing.get(address)?.isReady ?? false

const answerFrom =
  (address: string): RequestListener =>
  (request, response) => {
    response.setHeader('x-served-by', address)
    const isCheck = request.url?.startsWith('/healthz') === true
    response.writeHead(isCheck && !isReady(address) ? 500 : 200).end('ok\n')
  }

/** Who checks how it is needs no name (ClusterRole system:public-info-viewer). */
const answerApi =
  (address: string): RequestListener =>
  (request, response) => {
    response.setHeader('x-served-by', address)
    if (request.url === '/readyz') {
      response.writeHead(isReady(address) ? 200 : 500).end('ok\n')
      return
    }
    noteApproval(request, response)
    api.respond(request, response)
  }

function noteApproval({ url = '', method }: IncomingMessage, response: ServerResponse): void {
  const [, name = ''] = /\/certificatesigningrequests\/([^/]+)\/approval$/.exec(url) ?? []
  const asked = requests.get(decodeURIComponent(name))
  if (method !== 'PUT' || asked === undefined) return
  response.once('finish', () => {
    if (response.statusCode !== 200 || asked.approvedAt !== undefined) return
    requests.set(asked.name, { ...asked, approvedAt: Date.now(), lateMs: lateness() - asked.lateMs })
  })
}

const calls = {
  stand: async ({ address, serves }: Machine, isReady = true): Promise<void> => {
    const answer = answerFrom(address)
    const listening: readonly (readonly [port: number, server: Server])[] =
      serves === 'control plane'
        ? [
            [6443, createTlsServer(api.tls, answerApi(address))],
            [22623, createTlsServer(api.tls, answer)],
          ]
        : [
            [80, createServer(answer)],
            [443, createTlsServer(api.tls, answer)],
            [1936, createServer(answer)],
          ]
    const servers = listening.map(([, server]) => server)
    const sockets = new Set<Socket>()
    for (const server of servers) {
      server.on('connection', (socket: Socket) => {
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
      })
    }
    standing.set(address, { servers, sockets, isReady })
    await Promise.all(listening.map(([port, server]) => once(server.listen(port, address), 'listening')))
  },
  /** Whether it says so to whoever checks it. */
  ready: (address: string, isReady: boolean): void => {
    const machine = standing.get(address)
    if (machine !== undefined) machine.isReady = isReady
  },
  /** Nobody listens there any more, and its connections are cut. */
  fall: async (address: string): Promise<void> => {
    const machine = standing.get(address)
    if (machine === undefined) return
    standing.delete(address)
    const closed = machine.servers.map((server) => once(server.close(), 'close'))
    for (const socket of machine.sockets) socket.destroy()
    await Promise.all(closed)
  },
  /** Makes the object as an API server does: with an identity, and the time unless it has one. */
  put: (path: string, object: ApiObject): void => {
    const { name } = object.metadata
    if (path === csrs) requests.set(name, { name, askedAt: Date.now(), lateMs: lateness() })
    const creationTimestamp = `${new Date().toISOString().slice(0, 19)}Z`
    api.put(path, { ...object, metadata: { uid: `uid-of-${name}`, creationTimestamp, ...object.metadata } })
  },
  remove: (path: string, name: string): void => api.remove(path, name),
  /** The next `times` requests for the path are refused. */
  refuse: (path: string, refusal: Parameters<typeof api.refuse>[1], times = 1): void =>
    api.refuse(path, ...Array.from({ length: times }, () => refusal)),
  compact: (): void => api.compact(),
  write: (path: string, text: string): void => api.write(path, text),
  cut: (path: string): void => api.cut(path),
  watches: (path: string): number => api.watches(path).length,
  requests: (): readonly string[] => api.requests,
  /** The certificate requests that were put. */
  asked: (): readonly Asked[] => [...requests.values()],
}
serveCalls(socket, calls)
