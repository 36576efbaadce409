/**
 * The API on the network as a service: HTTPS on the address of the site, and a Unix socket for a proxy if the site
 * declares one. Both serve the routes of the control socket and the web page (docs/decisions/0042).
 */
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest, FastifyServerFactory } from 'fastify'
import { CannotListen } from '../../host/cannot-listen.ts'
import type { Timer } from '../../host/clock.ts'
import type { Service, Sockets } from '../../host/udp.ts'
import type { ApiPlan } from '../../plan/api.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import { createAttempts } from './access/attempts.ts'
import { createAuthenticator, type Peer } from './access/authenticate.ts'
import { loadCertificate, type ServerCertificate } from './access/certificate.ts'
import { addSessionRoutes } from './access/routes.ts'
import { createCsrf, type Sessions } from './access/sessions.ts'
import { createListener, peerAddress, type Listener, type ListenerLimits } from './listener.ts'
import { createRoutes, type RoutesOptions } from './routes.ts'
import { listenOnUnixSocket } from './service.ts'
import type { ControlCode } from './codes.ts'

export type NetworkOptions = RoutesOptions & {
  readonly plan: () => ApiPlan
  readonly sessions: Sessions
  /** State directory, for a generated certificate. */
  readonly directory: string | undefined
  readonly sockets: Sockets
  readonly onLost: (error: Error) => void
  /** The web page: its files need no user, and its data has scopes. */
  readonly page?: FastifyPluginCallback
  /** For tests. */
  readonly limits?: ListenerLimits
}

export type NetworkService = Service & {
  /** Reads the certificate again. */
  apply(): Promise<void>
  state(): ApiState
  problems(): readonly ActiveProblem[]
}

export type ApiState = {
  readonly url: string
  readonly fingerprint: string
  /** When the certificate expires, in milliseconds since 1970. */
  readonly expiresAt: number
}

/** The interval of the check for a renewed certificate, which other programs write. */
const certificateCheckMs = 3_600_000

/** @throws {CannotListen} */
export async function startNetwork(options: NetworkOptions): Promise<NetworkService> {
  const { plan, directory, sockets, clock, log, onLost, limits } = options
  const { address, port, clients, proxy } = plan()
  let certificate: ServerCertificate
  let clientCa: string | undefined
  try {
    certificate = await loadCertificate(plan(), directory, clock.now())
    clientCa = clients && (await readFile(clients.ca, 'utf8'))
  } catch (error) {
    throw new CannotListen(`cannot serve the API: ${(error as Error).message}`, { cause: error })
  }
  let problem: string | undefined
  let timer: Timer

  const build = createBuilder(options)
  let listener = undefined as Listener | undefined
  const app = build(false, (answer) => {
    const isKnown = (peer: string) => isLoopback(peer) || plan().proxy?.from.has(peer) === true
    const more = limits === undefined ? {} : { limits }
    listener = createListener(answer, { ...options, certificate, clientCa, isKnown, ...more })
    return listener.server
  })
  await app.ready()
  const { server, setCertificate, close } = listener as unknown as Listener
  const apps: FastifyInstance[] = [app]
  try {
    await sockets.tcp('api', server, { address, port })
    if (proxy?.socket !== undefined) apps.push(await startProxySocket(build(true), proxy.socket))
  } catch (error) {
    await close()
    await app.close()
    throw error
  }
  server.on('error', onLost)

  async function apply(): Promise<void> {
    try {
      const next = await loadCertificate(plan(), directory, clock.now(), certificate)
      problem = undefined
      if (next.fingerprint === certificate.fingerprint) return
      certificate = next
      setCertificate(next)
      log.info({ fingerprint: next.fingerprint, expiresAt: next.expiresAt }, 'API certificate replaced')
    } catch (error) {
      problem = `the certificate of the API cannot be replaced: ${(error as Error).message}`
      log.error(
        { code: 'api.certificate' satisfies ControlCode, reason: problem },
        'API certificate not replaced',
      )
    }
  }

  function check(): void {
    timer = clock.after(certificateCheckMs, () => {
      void apply()
      check()
    })
  }
  check()

  const local = server.address() as AddressInfo
  return {
    name: 'api',
    listening: [
      `tcp ${hostText(local.address)}:${local.port}`,
      ...(proxy?.socket === undefined ? [] : [`unix ${proxy.socket}`]),
    ],
    apply,
    state: () => ({
      url: `https://${hostText(plan().names[0] ?? address)}:${local.port}/`,
      fingerprint: certificate.fingerprint,
      expiresAt: certificate.expiresAt,
    }),
    problems() {
      const text = certificate.expiresAt < clock.now() ? 'the certificate of the API has expired' : problem
      return text === undefined ? [] : [{ code: 'api.certificate' satisfies ControlCode, text }]
    },
    async close() {
      timer.cancel()
      await close()
      for (const each of apps) {
        each.server.closeAllConnections()
        await each.close()
      }
    },
  }
}

function createBuilder(options: NetworkOptions) {
  const { plan, tokens, sessions, clock, log, counters, page } = options
  const csrf = createCsrf()
  const attempts = createAttempts(clock)
  const authenticator = createAuthenticator({ plan, tokens, sessions, csrf, attempts, log, counters })

  return (isProxySocket: boolean, serverFactory?: FastifyServerFactory): FastifyInstance => {
    const peer = ({ raw }: FastifyRequest): Peer => {
      const address = isProxySocket ? 'proxy' : peerAddress(raw.socket)
      return { address, isProxySocket }
    }
    const guard = {
      isOwnName: (name: string) => plan().names.includes(name),
      identify: (request: FastifyRequest) => authenticator.identify(request, peer(request)),
    }
    const app = createRoutes(options, guard, serverFactory)
    addSessionRoutes(app, { authenticator, sessions, peer })
    if (page !== undefined) {
      void app.register((child, _options, done) => {
        // The files of the page contain no data.
        child.addHook('onRoute', (route) => {
          route.config = { scope: 'public', ...route.config }
        })
        void child.register(page)
        done()
      })
    }
    return app
  }
}

async function startProxySocket(app: FastifyInstance, path: string): Promise<FastifyInstance> {
  await app.ready()
  await listenOnUnixSocket(app.server, path)
  return app
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1'
}

function hostText(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
