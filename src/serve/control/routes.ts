/** The responses of the local API (docs/api.md): JSON throughout, errors as `{ "code": …, "error": sentence }`. */
import {
  fastify,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerFactory,
} from 'fastify'
import type { Clock } from '../../host/clock.ts'
import { withoutSchemas } from '../../host/http.ts'
import { defined } from '../../text/defined.ts'
import type { Installs } from '../../install/installs.ts'
import type { Reports } from '../../install/reports.ts'
import { addGuard, type Guard } from './access/guard.ts'
import { addTokenRoutes } from './access/routes.ts'
import { operate, read } from './access/scopes.ts'
import type { Tokens } from './access/tokens.ts'
import { answerBadRequest, refuse } from './refusal.ts'
import { addCaptureRoute, type CaptureRouteOptions } from './capture-route.ts'
import { addClusterRoutes, type ClusterControl } from './cluster-routes.ts'
import { streamEvents } from './events.ts'
import { addNodeRoutes, noSuchNode, type NodeRoutesOptions } from './node-routes.ts'
import { addPowerRoutes } from './power-routes.ts'
import { addSiteEditRoutes, type SiteEditRoutesOptions } from './site-edit-routes.ts'
import { addSiteRoutes, type SiteControl } from './site-routes.ts'
import { addStateRoutes, type StateRoutesOptions } from './state-routes.ts'

export type RoutesOptions = NodeRoutesOptions &
  SiteEditRoutesOptions &
  StateRoutesOptions &
  CaptureRouteOptions & {
    readonly installs: Installs
    readonly reports: Reports
    /** Returns the state of the process; `/v1/status` adds the nodes. */
    readonly condition: () => Readonly<Record<string, unknown>>
    /** Absent where slipway connects to no cluster. */
    readonly clusters: ClusterControl | undefined
    /** Absent while slipway starts. */
    readonly hooks: HookControl | undefined
    /** Replaces the active site. */
    readonly site: SiteControl
    readonly tokens: Tokens
    readonly clock: Clock
  }

type HookControl = {
  /** Returns the state of every hook. */
  list(): readonly object[]
  /** Sends a sample event. @returns nothing for an unknown hook */
  test(name: string): Promise<object | undefined>
}

type HookParams = { Params: { hook: string } }
type EventQuery = { Querystring: { node?: string }; Headers: { 'last-event-id'?: string } }

type Route = {
  readonly pattern: RegExp
  readonly parameters: number
  readonly method: string | string[]
}

/** Each stream holds a connection and a subscription. */
const maxStreams = 32

/** @param serverFactory of the server on the network; by default a plain HTTP server */
export function createRoutes(
  options: RoutesOptions,
  guard: Guard,
  serverFactory?: FastifyServerFactory,
): FastifyInstance {
  const { installs, reports, condition, strangers, log, counters, clock } = options
  const app = fastify({
    ...withoutSchemas,
    bodyLimit: 16 * 1024,
    // Unknown keys are ignored, also those that would change the prototype of the parsed object.
    onProtoPoisoning: 'remove',
    onConstructorPoisoning: 'remove',
    requestTimeout: 15_000,
    ...defined({ serverFactory }),
    clientErrorHandler: answerBadRequest,
    // A repeated parameter would become a list.
    routerOptions: { querystringParser: (text) => Object.fromEntries(new URLSearchParams(text)) },
    frameworkErrors: (error, _request, reply) => void refuse(reply, 400, 'server.bad-request', error.message),
  })
  let streams = 0

  addGuard(app, { ...guard, notFound, log, counters })
  app.setNotFoundHandler(notFound)
  const routes: Route[] = []
  app.addHook('onRoute', ({ url, method }) => {
    const pattern = new RegExp(`^${url.replace(/:\w+/g, '[^/]+')}$`)
    routes.push({ pattern, parameters: url.split(':').length, method })
  })

  function notFound({ url, method }: FastifyRequest, reply: FastifyReply): FastifyReply {
    const path = url.split('?', 1)[0] as string
    const matches = routes.filter(({ pattern }) => pattern.test(path))
    // `…/:node/events` is a separate resource, and not a command of `…/:node/:command`.
    const fewest = Math.min(...matches.map(({ parameters }) => parameters))
    const own = matches.filter(({ parameters }) => parameters === fewest)
    const allowed = own.flatMap((route) => route.method)
    const isPath = allowed.length > 0
    if (isPath) reply.header('allow', [...new Set(allowed)].join(', '))
    const error = `${method} is not supported at this path: docs/api.md lists the requests`
    return refuse(
      reply,
      isPath ? 405 : 404,
      isPath ? 'server.method-not-allowed' : 'server.unknown-path',
      error,
    )
  }

  app.get('/v1/status', read, async () => {
    const nodes = await reports.listInTurns()
    return { ...condition(), strangers: strangers(), nodes }
  })

  addSiteRoutes(app, options.site)
  addTokenRoutes(app, options.tokens, clock)
  addPowerRoutes(app, options.power)

  addNodeRoutes(app, options)
  addSiteEditRoutes(app, options)
  addClusterRoutes(app, options.clusters)

  addStateRoutes(app, options)
  addCaptureRoute(app, options)

  app.get('/v1/hooks', read, () => options.hooks?.list() ?? [])

  app.post<HookParams>('/v1/hooks/:hook/test', operate, async ({ params: { hook } }, reply) => {
    const tested = await options.hooks?.test(hook)
    return tested ?? refuse(reply, 404, 'server.unknown-hook', `the site has no hook ${hook}`)
  })

  // The schemas take time to load.
  app.get('/v1/openapi.json', read, async () => (await import('./openapi/document.ts')).openApiDocument())

  app.get<EventQuery>('/v1/events', read, ({ query, headers }, reply) => {
    const { node } = query
    const lastId = headers['last-event-id']
    if (node !== undefined && reports.details(node) === undefined)
      return refuse(reply, 404, 'server.unknown-node', noSuchNode(node))
    if (lastId !== undefined && !/^\d{1,15}$/.test(lastId)) {
      return refuse(
        reply,
        400,
        'server.bad-event-id',
        'Last-Event-ID is not the id of an event: send a number',
      )
    }
    if (streams === maxStreams) {
      return refuse(
        reply,
        503,
        'server.too-many-event-streams',
        `${maxStreams} event streams are open, the maximum: end one of them`,
      )
    }
    streams++
    reply.raw.once('close', () => {
      streams--
    })
    reply.hijack()
    const narrowed = {
      ...(node === undefined ? {} : { node }),
      ...(lastId === undefined ? {} : { after: Number(lastId) }),
    }
    streamEvents(reply.raw, { installs, clock, ...narrowed })
    return reply
  })

  app.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) {
      counters.increment('control.bugs')
      log.error({ file: request.url, err: error }, 'request failed')
    }
    return refuse(
      reply,
      status,
      status >= 500 ? 'server.internal-error' : 'server.bad-request',
      error.message,
    )
  })
  return app
}
