/** The routes of the API that read and switch the power of nodes through their BMCs (docs/bmc.md). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { bootTargets, powerActions } from '../../bmc/machine.ts'
import { isPowerRefusal, type Power, type PowerRefusal, type PowerReport } from '../../bmc/power.ts'
import { defined } from '../../text/defined.ts'
import { admin, operate, read } from './access/scopes.ts'
import { refuse } from './refusal.ts'

export type PowerControl = Pick<Power, 'report' | 'command' | 'trust' | 'isManaged'>

type NodeParams = { Params: { cluster: string; node: string } }
type BootParams = NodeParams & { Querystring: { boot?: string } }
type ActionParams = { Params: { cluster: string; node: string; action: string } } & Pick<
  BootParams,
  'Querystring'
>
type TrustParams = NodeParams & { Querystring: { fingerprint?: string } }

const unknownTarget = `boot must be one of ${bootTargets.join(', ')}`

export function addPowerRoutes(app: FastifyInstance, power: PowerControl): void {
  app.get<NodeParams>('/v1/nodes/:cluster/:node/power', read, async ({ params }, reply) =>
    answer(reply, await power.report(`${params.cluster}/${params.node}`)),
  )

  app.post<BootParams>(
    '/v1/nodes/:cluster/:node/power/boot',
    operate,
    async ({ params, query, identity }, reply) => {
      const boot = bootTargets.find((name) => name === query.boot)
      if (boot === undefined) return refuse(reply, 400, 'server.bad-request', unknownTarget)
      const command = { boot, user: nameOf(identity) }
      return answer(reply, await power.command(`${params.cluster}/${params.node}`, command))
    },
  )

  app.post<ActionParams>('/v1/nodes/:cluster/:node/power/:action', operate, async (request, reply) => {
    const { params, query, identity } = request
    const action = powerActions.find((name) => name === params.action)
    if (action === undefined) {
      const error = `unknown power command ${params.action}: use one of ${[...powerActions, 'boot'].join(', ')}`
      return refuse(reply, 404, 'server.unknown-command', error)
    }
    const boot = bootTargets.find((name) => name === query.boot)
    if (boot === undefined && query.boot !== undefined) {
      return refuse(reply, 400, 'server.bad-request', unknownTarget)
    }
    const command = { action, ...defined({ boot }), user: nameOf(identity) }
    return answer(reply, await power.command(`${params.cluster}/${params.node}`, command))
  })

  app.post<TrustParams>('/v1/nodes/:cluster/:node/power/trust', admin, async (request, reply) => {
    const { params, query, identity } = request
    const { fingerprint = '' } = query
    if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){31}$/i.test(fingerprint)) {
      const error = 'fingerprint must be the SHA-256 fingerprint of the certificate: 32 bytes with colons'
      return refuse(reply, 400, 'server.bad-request', error)
    }
    const key = `${params.cluster}/${params.node}`
    return answer(reply, await power.trust(key, fingerprint, nameOf(identity)))
  })
}

/** Result of the restart of a node that was armed: `power` or `powerProblem`; nothing if it was not restarted. */
type Restarted = { readonly power?: PowerReport; readonly powerProblem?: PowerRefusal }

/**
 * Restarts a node from the network after it was armed, if the request asks for it (`power=true`), or the site declares
 * `power: managed` and the request does not forbid it (`power=false`).
 */
export async function restartArmed(
  power: PowerControl,
  node: string,
  { query, identity }: Pick<FastifyRequest<{ Querystring: { power?: string } }>, 'query' | 'identity'>,
): Promise<Restarted> {
  const isWanted = query.power === 'true' || (query.power === undefined && power.isManaged(node))
  if (!isWanted) return {}
  const command = { action: 'cycle', boot: 'network', user: nameOf(identity) } as const
  const result = await power.command(node, command)
  return isPowerRefusal(result) ? { powerProblem: result } : { power: result }
}

function nameOf(identity: FastifyRequest['identity']): string {
  return identity?.name ?? 'unknown'
}

function answer<T extends object>(reply: FastifyReply, result: T | PowerRefusal): T | FastifyReply {
  if (!isPowerRefusal(result)) return result
  const isUnknown = result.code === 'bmc.not-declared'
  return refuse(reply, isUnknown ? 404 : 502, result.code, result.reason)
}
