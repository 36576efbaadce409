/**
 * Simulated machines of a cluster. Runs in a namespace as `node cluster.ts SOCKET DIRECTORY DOMAIN`. Control-plane
 * machines share the objects of one API server on 6443 and serve machine configs on 22623; routers respond on 80 and 443,
 * and to health checks on 1936. The header `x-served-by` of each response has the address of the machine. `DIRECTORY` gets
 * the CA certificate of the cluster and a kubeconfig for `api.DOMAIN`, as `openshift-install` writes it. Checks control
 * the machines over the socket ({@link ClusterCalls}).
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
import { measureSchedulingDelay } from '../scheduling-delay.ts'
import { serveCalls } from '../remote-calls.ts'

/** The address must be on an interface already. */
export type Machine = { readonly address: string; readonly serves: 'control plane' | 'ingress' }

/** When a certificate request was created and approved. Milliseconds since 1970. */
export type RequestTimes = {
  readonly name: string
  readonly createdAt: number
  readonly approvedAt?: number
  /** How long other processes kept this one from running: before the creation, and after the approval in between. */
  readonly delayMs: number
}

export type ClusterCalls = typeof calls

const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests'

const [socket = '', directory = '', domain = ''] = process.argv.slice(2)
const authority = makeAuthority()
const names = [`api.${domain}`, `api-int.${domain}`, `*.apps.${domain}`].map((name) => `DNS:${name}`)
const api = await startApiServer(authority, names.join(','))
api.keepTime(systemClock)

function save(file: string, content: string): void {
  mkdirSync(dirname(join(directory, file)), { recursive: true })
  writeFileSync(join(directory, file), content, { mode: 0o600 })
}
const admin = authority.client('/O=system:masters/CN=system:admin')
const user = {
  'client-certificate-data': base64(admin.certificate),
  'client-key-data': base64(admin.key),
}
save('ca.crt', authority.certificate)
save('auth/kubeconfig', kubeconfigText(`https://api.${domain}:6443`, authority, user))

type RunningMachine = {
  readonly servers: readonly Server[]
  /** Includes sockets without a TLS handshake, which the servers do not list. */
  readonly sockets: ReadonlySet<Socket>
  isReady: boolean
}
const machines = new Map<string, RunningMachine>()
const requestTimes = new Map<string, RequestTimes>()
const schedulingDelay = measureSchedulingDelay()

const isReady = (address: string): boolean => machines.get(address)?.isReady ?? false

const respondAs =
  (address: string): RequestListener =>
  (request, response) => {
    response.setHeader('x-served-by', address)
    const isCheck = request.url?.startsWith('/healthz') === true
    response.writeHead(isCheck && !isReady(address) ? 500 : 200).end('ok\n')
  }

/** Health checks need no authentication (ClusterRole system:public-info-viewer). */
const serveApi =
  (address: string): RequestListener =>
  (request, response) => {
    response.setHeader('x-served-by', address)
    if (request.url === '/readyz') {
      response.writeHead(isReady(address) ? 200 : 500).end('ok\n')
      return
    }
    recordApproval(request, response)
    api.respond(request, response)
  }

function recordApproval({ url = '', method }: IncomingMessage, response: ServerResponse): void {
  const [, name = ''] = /\/certificatesigningrequests\/([^/]+)\/approval$/.exec(url) ?? []
  const times = requestTimes.get(decodeURIComponent(name))
  if (method !== 'PUT' || times === undefined) return
  response.once('finish', () => {
    if (response.statusCode !== 200 || times.approvedAt !== undefined) return
    requestTimes.set(times.name, {
      ...times,
      approvedAt: Date.now(),
      delayMs: schedulingDelay() - times.delayMs,
    })
  })
}

const calls = {
  start: async ({ address, serves }: Machine, isReady = true): Promise<void> => {
    const respond = respondAs(address)
    const listening: readonly (readonly [port: number, server: Server])[] =
      serves === 'control plane'
        ? [
            [6443, createTlsServer(api.tls, serveApi(address))],
            [22623, createTlsServer(api.tls, respond)],
          ]
        : [
            [80, createServer(respond)],
            [443, createTlsServer(api.tls, respond)],
            [1936, createServer(respond)],
          ]
    const servers = listening.map(([, server]) => server)
    const sockets = new Set<Socket>()
    for (const server of servers) {
      server.on('connection', (socket: Socket) => {
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
      })
    }
    machines.set(address, { servers, sockets, isReady })
    await Promise.all(listening.map(([port, server]) => once(server.listen(port, address), 'listening')))
  },
  /** Sets the result of its health checks. */
  setReady: (address: string, isReady: boolean): void => {
    const machine = machines.get(address)
    if (machine !== undefined) machine.isReady = isReady
  },
  /** Closes its ports and resets its connections. */
  stop: async (address: string): Promise<void> => {
    const machine = machines.get(address)
    if (machine === undefined) return
    machines.delete(address)
    const closed = machine.servers.map((server) => once(server.close(), 'close'))
    for (const socket of machine.sockets) socket.destroy()
    await Promise.all(closed)
  },
  /** Creates the object with a UID, and with a creation time unless it has one, like an API server. */
  put: (path: string, object: ApiObject): void => {
    const { name } = object.metadata
    if (path === csrs) requestTimes.set(name, { name, createdAt: Date.now(), delayMs: schedulingDelay() })
    const creationTimestamp = `${new Date().toISOString().slice(0, 19)}Z`
    api.put(path, { ...object, metadata: { uid: `uid-of-${name}`, creationTimestamp, ...object.metadata } })
  },
  remove: (path: string, name: string): void => api.remove(path, name),
  /** Refuses the next `times` requests for the path. */
  refuse: (path: string, refusal: Parameters<typeof api.refuse>[1], times = 1): void =>
    api.refuse(path, ...Array.from({ length: times }, () => refusal)),
  compact: (): void => api.compact(),
  write: (path: string, text: string): void => api.write(path, text),
  cut: (path: string): void => api.cut(path),
  watches: (path: string): number => api.watches(path).length,
  requests: (): readonly string[] => api.requests,
  /** Returns the times of all certificate requests. */
  certificateRequests: (): readonly RequestTimes[] => [...requestTimes.values()],
}
serveCalls(socket, calls)
