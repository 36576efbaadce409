/**
 * Identifies the user of a request from the network: by a token, the cookie of a session, a client certificate, or the
 * header of a trusted proxy. The first kind of credentials that a request has decides: a wrong token is refused, even
 * with a valid certificate.
 */
import type { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import type { Counters } from '../../../host/counters.ts'
import type { Log } from '../../../host/log.ts'
import type { ApiPlan, ProxyPlan } from '../../../plan/api.ts'
import type { ControlCode } from '../codes.ts'
import type { Attempts } from './attempts.ts'
import type { Denial, Identity } from './identity.ts'
import { readCookie, type Sessions } from './sessions.ts'
import type { TokenInfo, Tokens } from './tokens.ts'

export type AuthenticateOptions = {
  readonly plan: () => ApiPlan
  readonly tokens: Tokens
  readonly sessions: Sessions
  readonly csrf: (user: string) => string
  readonly attempts: Attempts
  readonly log: Log
  readonly counters: Counters
}

/** Where a request came from. */
export type Peer = {
  readonly address: string
  /** Whether it arrived on the Unix socket for the proxy. */
  readonly isProxySocket: boolean
}

export type Authenticator = {
  identify(request: FastifyRequest, peer: Peer): Identity | Denial
  /** Checks a token, and counts a wrong one. */
  verify(token: string, peer: Peer): TokenInfo | Denial
  /** Returns the identity of a session. */
  sessionIdentity(token: TokenInfo, hash: string): Identity
}

export function createAuthenticator(options: AuthenticateOptions): Authenticator {
  const { plan, tokens, sessions, csrf, attempts, log, counters } = options

  function refuse(peer: Peer, token: string, error: string): Denial {
    counters.increment('api.loginsFailed')
    const isLocked = attempts.fail(peer.address, token)
    const code: ControlCode = isLocked ? 'api.locked-out' : 'api.not-authenticated'
    counters.refuse(code)
    log.warn({ client: peer.address, code, reason: error }, 'API login failed')
    return { status: 401, code: 'api.not-authenticated', error }
  }

  function locked(peer: Peer): Denial | undefined {
    const ms = attempts.lockedFor(peer.address)
    if (ms === 0) return undefined
    const retryAfter = Math.ceil(ms / 1000)
    const error = `too many failed logins from ${peer.address}: try again in ${retryAfter} s`
    return { status: 429, code: 'api.locked-out', error, retryAfter }
  }

  function verify(token: string, peer: Peer): TokenInfo | Denial {
    return (
      locked(peer) ??
      tokens.verify(token) ??
      refuse(peer, token, 'the token is wrong, revoked, or expired: create one with slipway token create')
    )
  }

  function sessionIdentity({ name, scope }: TokenInfo, hash: string): Identity {
    return { name: `token:${name}`, scope, csrf: csrf(`session ${hash}`), isSession: true }
  }

  function byToken(authorization: string, peer: Peer): Identity | Denial {
    const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
    if (token === undefined) return refuse(peer, '', 'expected the header Authorization: Bearer TOKEN')
    const found = verify(token, peer)
    return 'status' in found ? found : { name: `token:${found.name}`, scope: found.scope }
  }

  function byProxy({ headers }: FastifyRequest, peer: Peer): Identity | Denial | undefined {
    const { proxy } = plan()
    const name = proxy && headers[proxy.header]
    if (proxy === undefined || typeof name !== 'string' || !isTrusted(proxy, peer)) return undefined
    const scope = proxy.scopes.get(name)
    if (scope !== undefined) return { name: `proxy:${name}`, scope, csrf: csrf(`proxy ${name}`) }
    return unknownUser(`api.proxy.users does not list the user ${JSON.stringify(name.slice(0, 128))}`)
  }

  function byCertificate({ raw }: FastifyRequest): Identity | Denial | undefined {
    const { clients } = plan()
    const socket = raw.socket as Partial<TLSSocket>
    if (clients === undefined || socket.authorized !== true) return undefined
    const names = namesOf(socket as TLSSocket)
    const name = names.find((each) => clients.scopes.has(each))
    const scope = clients.scopes.get(name ?? '')
    if (name !== undefined && scope !== undefined) {
      return { name: `certificate:${name}`, scope, csrf: csrf(`certificate ${name}`) }
    }
    return unknownUser(`api.clients lists no name of the client certificate (${names.join(', ')})`)
  }

  function unknownUser(error: string): Denial {
    counters.refuse('api.unknown-user' satisfies ControlCode)
    return { status: 403, code: 'api.unknown-user', error }
  }

  return {
    verify,
    sessionIdentity,
    identify(request, peer) {
      const { authorization, cookie } = request.headers
      if (authorization !== undefined) return byToken(authorization, peer)
      const secret = readCookie(cookie)
      const session = secret === undefined ? undefined : sessions.find(secret)
      if (session !== undefined) return sessionIdentity(session.token, session.hash)
      const error =
        'not logged in: send a token (Authorization: Bearer), a client certificate, or the cookie of a session'
      return (
        byProxy(request, peer) ??
        byCertificate(request) ?? { status: 401, code: 'api.not-authenticated', error }
      )
    },
  }
}

function isTrusted({ from }: ProxyPlan, { address, isProxySocket }: Peer): boolean {
  return isProxySocket || from.has(address)
}

/** Returns the common name and the DNS, email, and URI names of the certificate. */
function namesOf(socket: TLSSocket): string[] {
  const { subject, subjectaltname = '' } = socket.getPeerCertificate()
  // Names that need quotes can contain commas, so they are not used.
  const alternative = subjectaltname.includes('"') ? [] : subjectaltname.split(', ')
  const values = alternative.flatMap((each) => /^(?:DNS|email|URI):(.+)$/.exec(each)?.[1] ?? [])
  return [...[subject.CN].flat().filter((name) => name !== undefined), ...values]
}
