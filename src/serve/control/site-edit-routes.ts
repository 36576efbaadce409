/** The routes of the local API that add nodes to the site file, and remove them (docs/api.md). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { operate } from './access/scopes.ts'
import { refuse } from './refusal.ts'

export type SiteEditRoutesOptions = {
  /** Adds machines to the site file. */
  readonly adoption: AdoptionControl
  /** Removes nodes from the site file. */
  readonly removal: RemovalControl
}

export type AdoptionControl = {
  /** Plans, or with `base` writes, the entry of a machine for the site file. */
  adopt(body: unknown, by: string): Promise<EditOutcome>
}

export type RemovalControl = {
  /** Plans, or with `base` makes, the removal of nodes from the site file. */
  remove(body: unknown, by: string): Promise<EditOutcome>
}

type EditOutcome =
  | { readonly outcome: 'planned' | 'written' | 'present' | 'absent'; readonly diff: readonly string[] }
  | {
      readonly outcome: 'refused'
      readonly status: number
      readonly code: string
      readonly reasons: readonly string[]
    }

type EditRequest = FastifyRequest<{ Body: unknown }>

export function addSiteEditRoutes(app: FastifyInstance, { adoption, removal }: SiteEditRoutesOptions): void {
  app.post<{ Body: unknown }>('/v1/nodes', operate, (request, reply) =>
    edit(request, reply, (body, by) => adoption.adopt(body, by)),
  )

  // Several nodes in one change: the last two servers of a backend can only be recognized together.
  app.post<{ Body: unknown }>('/v1/nodes/remove', operate, (request, reply) =>
    edit(request, reply, (body, by) => removal.remove(body, by)),
  )
}

async function edit(
  { body, identity }: EditRequest,
  reply: FastifyReply,
  run: (body: unknown, by: string) => Promise<EditOutcome>,
): Promise<object> {
  const isAdmin = identity?.scope === 'admin'
  const isWriting = typeof body === 'object' && body !== null && 'base' in body
  if (isWriting && !isAdmin) {
    const error = 'to write the site file, the scope must be admin'
    return refuse(reply, 403, 'api.scope-too-small', error)
  }
  const result = await run(body, identity?.name ?? 'local')
  if (result.outcome === 'refused') {
    const { status, code, reasons } = result
    return reply.code(status).send({ code, error: reasons.join('; '), reasons })
  }
  const { diff, ...shown } = result
  // The lines of a site file can contain secrets of nodes.
  return isAdmin ? { ...shown, diff } : shown
}
