/** The routes of the local API for nodes: their state, and the commands of administrators (docs/api.md). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Installs } from '../../install/installs.ts'
import type { NodeCommand } from '../../install/observation.ts'
import type { Reports } from '../../install/reports.ts'
import { operate, read } from './access/scopes.ts'
import { restartArmed, type PowerControl } from './power-routes.ts'
import { refuse, refuseCommand } from './refusal.ts'

export type NodeRoutesOptions = {
  readonly installs: Pick<Installs, 'history' | 'command'>
  readonly reports: Pick<Reports, 'listInTurns' | 'details'>
  /** Returns undeclared machines that sent requests. */
  readonly strangers: () => readonly object[]
  /** Returns everything that the services send to a node; undefined for an undeclared one. */
  readonly explain: (node: string) => object | undefined
  /** Returns what nodes sent to the syslog receiver; undefined if it does not run. */
  readonly nodeLogs: () => NodeLogReader | undefined
  /** Drains nodes in the load balancer. */
  readonly drains: DrainControl
  /** Reads and switches the power of nodes. */
  readonly power: PowerControl
  readonly log: Log
  readonly counters: Counters
}

type Outcome =
  | { readonly kind: 'done'; readonly applied: object; readonly drained?: object }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }

type NodeLogReader = {
  /** @param after the sequence of a line @param last maximum number of lines */
  read(node: string, after: number, last: number): object
}

export type DrainControl = {
  /** @returns undefined for an undeclared node */
  drain(node: string, by: string): Promise<Outcome | undefined>
  enable(node: string): Promise<Outcome | undefined>
}

type NodeParams = { Params: { cluster: string; node: string } }
type LogRequest = NodeParams & { Querystring: { after?: string; lines?: string } }
type CommandParams = {
  Params: { cluster: string; node: string; command: string }
  Querystring: { power?: string }
}

const commands: readonly NodeCommand[] = ['install', 'local', 'menu', 'forget']

export function addNodeRoutes(app: FastifyInstance, options: NodeRoutesOptions): void {
  const { installs, reports, strangers, explain, drains, log, counters } = options

  app.get('/v1/nodes', read, () => reports.listInTurns())

  app.get('/v1/nodes/seen', read, () => strangers())

  app.get<NodeParams>('/v1/nodes/:cluster/:node', read, ({ params }, reply) => {
    const key = `${params.cluster}/${params.node}`
    return reports.details(key) ?? refuse(reply, 404, 'server.unknown-node', noSuchNode(key))
  })

  app.get<NodeParams>('/v1/nodes/:cluster/:node/events', read, ({ params }, reply) => {
    const key = `${params.cluster}/${params.node}`
    const isKnown = reports.details(key) !== undefined
    return isKnown ? installs.history(key) : refuse(reply, 404, 'server.unknown-node', noSuchNode(key))
  })

  app.get<NodeParams>('/v1/nodes/:cluster/:node/explain', read, ({ params }, reply) => {
    const key = `${params.cluster}/${params.node}`
    return explain(key) ?? refuse(reply, 404, 'server.unknown-node', noSuchNode(key))
  })

  app.get<LogRequest>('/v1/nodes/:cluster/:node/log', read, ({ params, query }, reply) => {
    const { after = '0', lines = '4000' } = query
    const key = `${params.cluster}/${params.node}`
    if (reports.details(key) === undefined) return refuse(reply, 404, 'server.unknown-node', noSuchNode(key))
    if (!/^\d{1,15}$/.test(after) || !/^\d{1,4}$/.test(lines) || Number(lines) < 1) {
      const error = 'expected after, the sequence of a line, and lines, a number from 1 to 9999'
      return refuse(reply, 400, 'server.bad-request', error)
    }
    const logs = options.nodeLogs()
    if (logs !== undefined) return logs.read(key, Number(after), Number(lines))
    const error =
      'the syslog receiver does not run: add the section syslog to the site file, and restart slipway'
    return refuse(reply, 409, 'server.no-syslog', error)
  })

  app.post<CommandParams>('/v1/nodes/:cluster/:node/:command', operate, async (request, reply) => {
    const { params, identity } = request
    const key = `${params.cluster}/${params.node}`
    const command = commands.find((name) => name === params.command)
    if (command === undefined) {
      return refuse(
        reply,
        404,
        'server.unknown-command',
        `unknown command ${params.command}: use one of ${commands.join(', ')}`,
      )
    }
    if (reports.details(key) === undefined) return refuse(reply, 404, 'server.unknown-node', noSuchNode(key))
    const outcome = await installs.command(key, command, identity?.name)
    if (outcome.kind === 'refused') {
      counters.increment('control.commandsRefused')
      const code = 'server.command-refused'
      log.info({ node: key, command, code, reason: outcome.reason }, 'command refused')
      return refuse(reply, 409, code, outcome.reason)
    }
    counters.increment('control.commands')
    log.info({ node: key, command, mode: outcome.record.mode }, 'command accepted')
    const restarted = command === 'install' ? await restartArmed(options.power, key, request) : {}
    return { ...reports.details(key), ...restarted }
  })

  app.post<NodeParams>('/v1/nodes/:cluster/:node/drain', operate, (request, reply) =>
    balance(request, reply, 'drain', (key) => drains.drain(key, request.identity?.name ?? 'local')),
  )

  app.post<NodeParams>('/v1/nodes/:cluster/:node/enable', operate, (request, reply) =>
    balance(request, reply, 'enable', (key) => drains.enable(key)),
  )

  async function balance(
    { params: { cluster, node }, identity }: FastifyRequest<NodeParams>,
    reply: FastifyReply,
    command: 'drain' | 'enable',
    act: (key: string) => Promise<Outcome | undefined>,
  ): Promise<object> {
    const key = `${cluster}/${node}`
    const outcome = await act(key)
    if (outcome === undefined) return refuse(reply, 404, 'server.unknown-node', noSuchNode(key))
    if (outcome.kind === 'refused') {
      const { code, reason } = outcome
      counters.increment('control.commandsRefused')
      log.info({ node: key, command, code, reason }, 'command refused')
      return refuseCommand(reply, outcome)
    }
    const { applied, drained } = outcome
    counters.increment('control.commands')
    log.info({ node: key, command, user: identity?.name }, 'command accepted')
    return { node: key, applied, ...drained }
  }
}

export function noSuchNode(key: string): string {
  return `the site has no node ${key}`
}
