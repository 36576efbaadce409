/** The routes for tokens, and for the sessions of browsers. */
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../../host/clock.ts'
import type { ControlCode } from '../codes.ts'
import { refuse } from '../refusal.ts'
import type { Authenticator, Peer } from './authenticate.ts'
import { isScope } from './identity.ts'
import { admin, anyone, read } from './scopes.ts'
import { expiredCookie, readCookie, sessionCookie, type Sessions } from './sessions.ts'
import { hashOf } from './store.ts'
import { maxTokens, type Tokens } from './tokens.ts'
import type { FastifyRequest } from 'fastify'

type TokenBody = { Body: { name?: unknown; scope?: unknown; lifetimeSeconds?: unknown } | undefined }
type IdParams = { Params: { id: string } }

const namePattern = /^[\w.@-]{1,64}$/
const minLifetime = 60
/** Ten years. */
const maxLifetime = 315_360_000

function isWithin(value: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
}

export function addTokenRoutes(app: FastifyInstance, tokens: Tokens, clock: Pick<Clock, 'now'>): void {
  app.get('/v1/tokens', admin, () => tokens.list())

  app.post<TokenBody>('/v1/tokens', admin, async ({ body, identity }, reply) => {
    const { name, scope, lifetimeSeconds } = body ?? {}
    const isLifetime = lifetimeSeconds === undefined || isWithin(lifetimeSeconds, minLifetime, maxLifetime)
    if (typeof name !== 'string' || !namePattern.test(name) || !isScope(scope) || !isLifetime) {
      const error = `expected a name of 1 to 64 letters, digits, and . _ @ -, the scope read, operate, or admin, and lifetimeSeconds from ${minLifetime} to ${maxLifetime}`
      return refuse(reply, 400, 'server.bad-request', error)
    }
    const seconds = lifetimeSeconds as number | undefined
    const expiry = seconds === undefined ? {} : { expiresAt: clock.now() + seconds * 1000 }
    try {
      const created = await tokens.create({ name, scope, createdBy: identity?.name ?? '', ...expiry })
      if (created !== undefined) return created
    } catch (error) {
      return refuse(reply, 409, 'server.state-not-written', (error as Error).message)
    }
    return refuse(reply, 409, 'api.too-many-tokens', `${maxTokens} tokens exist, the maximum: revoke one`)
  })

  app.delete<IdParams>('/v1/tokens/:id', admin, async ({ params: { id } }, reply) => {
    try {
      if (await tokens.revoke(id)) return { id }
    } catch (error) {
      return refuse(reply, 409, 'server.state-not-written', (error as Error).message)
    }
    return refuse(
      reply,
      404,
      'api.unknown-token',
      'no token has this id: slipway token list (GET /v1/tokens) shows them',
    )
  })
}

type SessionTools = {
  readonly authenticator: Authenticator
  readonly sessions: Sessions
  readonly peer: (request: FastifyRequest) => Peer
}

export function addSessionRoutes(
  app: FastifyInstance,
  { authenticator, sessions, peer }: SessionTools,
): void {
  type Login = { Body: { token?: unknown } | undefined }

  app.post<Login>('/v1/session', anyone, async (request, reply) => {
    const { token } = request.body ?? {}
    if (typeof token !== 'string') {
      return refuse(reply, 400, 'server.bad-request', 'expected a JSON document with a token')
    }
    const found = authenticator.verify(token.trim(), peer(request))
    if ('status' in found) {
      const { status, code, error, retryAfter } = found
      if (retryAfter !== undefined) reply.header('retry-after', `${retryAfter}`)
      return refuse(reply, status, code, error)
    }
    let secret: string
    try {
      secret = await sessions.start(found)
    } catch (error) {
      return refuse(reply, 409, 'server.state-not-written', (error as Error).message)
    }
    reply.header('set-cookie', sessionCookie(secret))
    return userOf(authenticator.sessionIdentity(found, hashOf(secret)))
  })

  app.get('/v1/session', read, ({ identity }) => userOf(identity))

  app.delete('/v1/session', read, async ({ headers }, reply) => {
    const secret = readCookie(headers.cookie)
    try {
      if (secret !== undefined) await sessions.end(hashOf(secret))
    } catch (error) {
      return refuse(reply, 409, 'server.state-not-written' satisfies ControlCode, (error as Error).message)
    }
    reply.header('set-cookie', expiredCookie)
    return {}
  })
}

/** @param identity present, because a guard ran before */
function userOf(identity: FastifyRequest['identity']): object {
  const { name, scope, csrf } = identity as NonNullable<typeof identity>
  return { user: name, scope, ...(csrf === undefined ? {} : { csrf }) }
}
