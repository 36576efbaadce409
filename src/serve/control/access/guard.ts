/**
 * What a request must pass before it reaches a route: the name in its URL (DNS rebinding), its user, the scope of the
 * route, and for changes its origin (CSRF). Each response has headers that keep browsers from embedding or storing it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Counters } from '../../../host/counters.ts'
import type { Log } from '../../../host/log.ts'
import type { Scope } from '../../../plan/api.ts'
import { refuse } from '../refusal.ts'
import { includes, isDenial, type Denial, type Identity } from './identity.ts'
import { isSame } from './store.ts'

declare module 'fastify' {
  // eslint-disable-next-line @typescript-eslint/consistent-type-definitions -- only interfaces can be extended
  interface FastifyContextConfig {
    /** What the user of the route must be allowed to do; `public` for the page and the login. Admin if absent. */
    scope?: Scope | 'public'
  }
  // eslint-disable-next-line @typescript-eslint/consistent-type-definitions -- only interfaces can be extended
  interface FastifyRequest {
    /** Undefined for public routes. */
    identity: Identity | undefined
  }
}

export type Guard = {
  /** Whether a URL can have this name; undefined where no browser can connect. */
  readonly isOwnName?: (name: string) => boolean
  readonly identify: (request: FastifyRequest) => Identity | Denial
}

export type GuardOptions = Guard & {
  /** Answers a request without a route. */
  readonly notFound: (request: FastifyRequest, reply: FastifyReply) => FastifyReply
  readonly log: Log
  readonly counters: Counters
}

const securityHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

export function addGuard(app: FastifyInstance, options: GuardOptions): void {
  const { isOwnName, identify, notFound, log, counters } = options
  app.decorateRequest('identity', undefined)

  function deny(reply: FastifyReply, { status, code, error, retryAfter }: Denial): FastifyReply {
    if (status !== 401) counters.refuse(code)
    if (status === 401) reply.header('www-authenticate', 'Bearer realm="slipway"')
    if (retryAfter !== undefined) reply.header('retry-after', `${retryAfter}`)
    return refuse(reply, status, code, error)
  }

  // Before the body is read.
  app.addHook('onRequest', (request, reply, done) => {
    counters.increment('control.requests')
    if (isOwnName !== undefined) reply.headers(securityHeaders)
    else reply.header('cache-control', 'no-store')
    const denial = check(request)
    if (denial !== undefined) deny(reply, denial)
    // Its body is not read.
    else if (request.is404) notFound(request, reply)
    else done()
  })

  function check(request: FastifyRequest): Denial | undefined {
    const name = nameIn(request.headers.host)
    if (isOwnName?.(name) === false) {
      const error = `the server does not have the name ${JSON.stringify(name.slice(0, 253))}: use a name of api.names`
      return { status: 421, code: 'api.unknown-host', error }
    }
    const { scope = 'admin' } = request.routeOptions.config
    const isChange = !safeMethods.has(request.method)
    if (isChange && isOwnName !== undefined && isCrossSite(request, isOwnName)) return crossSite
    if (scope === 'public') return undefined
    const identity = identify(request)
    if (isDenial(identity)) return identity
    request.identity = identity
    // A path without a route needs a user, but no scope.
    if (!request.is404 && !includes(identity.scope, scope)) {
      const error = `${identity.name} has the scope ${identity.scope}, and this request needs ${scope}`
      return { status: 403, code: 'api.scope-too-small', error }
    }
    return isChange && needsCsrf(request, identity) ? missingCsrf : undefined
  }

  app.addHook('onResponse', (request, reply, done) => {
    const { identity, method, url } = request
    if (identity !== undefined && !safeMethods.has(method) && !request.is404) {
      const facts = {
        user: identity.name,
        scope: identity.scope,
        method,
        path: url,
        status: reply.statusCode,
      }
      log.info(facts, 'API request')
    }
    done()
  })
}

/** Returns the host in lower case, without port and brackets. */
function nameIn(host = ''): string {
  const name = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]*)(?::\d{1,5})?$/.exec(host)?.[1] ?? host
  return name
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase()
}

const crossSite: Denial = {
  status: 403,
  code: 'api.cross-site-request',
  error: 'a page of another site sent the request',
}

const missingCsrf: Denial = {
  status: 403,
  code: 'api.csrf-token',
  error: 'the header Slipway-CSRF is missing or outdated: GET /v1/session returns its value',
}

/** Whether a browser sent the request for a page of another site (Fetch Standard, `Origin` and `Sec-Fetch-Site`). */
function isCrossSite({ headers }: FastifyRequest, isOwnName: (name: string) => boolean): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true
  const { origin, host } = headers
  if (origin === undefined) return false
  const at = /^https:\/\/(.+)$/.exec(origin)?.[1]
  return at === undefined || at !== host || !isOwnName(nameIn(at))
}

/** Only browsers send credentials automatically, so only they need the token for a certificate or a proxy. */
function needsCsrf({ headers }: FastifyRequest, { csrf, isSession }: Identity): boolean {
  if (csrf === undefined) return false
  const given = headers['slipway-csrf']
  if (typeof given === 'string') return !isSame(given, csrf)
  return (
    isSession === true || ['origin', 'sec-fetch-site', 'referer', 'cookie'].some((name) => name in headers)
  )
}
