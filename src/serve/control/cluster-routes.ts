/** The routes of the local API for clusters: progress, bootstraps, and certificate requests (docs/api.md). */
import type { FastifyInstance } from 'fastify'
import { operate, read } from './access/scopes.ts'
import { refuse, refuseCommand } from './refusal.ts'

export type ClusterControl = {
  /** Returns the progress of every cluster of the site. */
  reports(): readonly { readonly cluster: string }[]
  /** Returns pending certificate signing requests of the clusters whose requests slipway approves. */
  csrs(): readonly object[]
  /** Approves a pending request that the policy does not approve. @returns undefined if there is no such request */
  approve(cluster: string, request: string, by: string): Promise<Approval | undefined>
  /** @param by the user @returns nothing for a cluster without a bootstrap in the load balancer */
  commandBootstrap(cluster: string, command: BootstrapCommand, by?: string): Promise<object | undefined>
}

/** `pending`: why slipway did not approve it. */
type Approval =
  | { readonly kind: 'approved'; readonly pending: string }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }

const bootstrapCommands = ['keep', 'out', 'watch'] as const
type BootstrapCommand = (typeof bootstrapCommands)[number]

type BootstrapParams = { Params: { cluster: string; command: string } }
type ClusterParams = { Params: { cluster: string } }
type RequestParams = { Params: { cluster: string; request: string } }

/** @param clusters absent where slipway connects to no cluster */
export function addClusterRoutes(app: FastifyInstance, clusters: ClusterControl | undefined): void {
  app.get('/v1/clusters', read, () => clusters?.reports() ?? [])

  app.get<ClusterParams>('/v1/clusters/:cluster', read, ({ params: { cluster } }, reply) => {
    const report = clusters?.reports().find((each) => each.cluster === cluster)
    return report ?? refuse(reply, 404, 'server.unknown-cluster', `the site has no cluster ${cluster}`)
  })

  app.get('/v1/csrs', read, () => clusters?.csrs() ?? [])

  app.post<BootstrapParams>(
    '/v1/clusters/:cluster/bootstrap/:command',
    operate,
    async ({ params, identity }, reply) => {
      const command = bootstrapCommands.find((name) => name === params.command)
      if (command === undefined) {
        const known = bootstrapCommands.join(', ')
        return refuse(
          reply,
          404,
          'server.unknown-command',
          `unknown command ${params.command}: use one of ${known}`,
        )
      }
      const state = await clusters?.commandBootstrap(params.cluster, command, identity?.name)
      if (state !== undefined) return state
      return refuse(
        reply,
        404,
        'server.no-bootstrap',
        `cluster ${params.cluster} has no bootstrap, or no masters that replace it in the load balancer`,
      )
    },
  )

  app.post<RequestParams>(
    '/v1/clusters/:cluster/csrs/:request/approve',
    operate,
    async ({ params: { cluster, request }, identity }, reply) => {
      const approval = await clusters?.approve(cluster, request, identity?.name ?? 'local')
      if (approval === undefined) {
        const error = `cluster ${cluster} has no pending certificate request ${request} that slipway knows`
        return refuse(reply, 404, 'server.unknown-request', error)
      }
      if (approval.kind === 'refused') return refuseCommand(reply, approval)
      return { cluster, request, pending: approval.pending }
    },
  )
}
