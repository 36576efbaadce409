/** Options of Fastify for an app whose routes have no schemas: the compilers of schemas are not loaded. */
import type { FastifyServerOptions } from 'fastify'

function refuse(): never {
  throw new Error('routes have no schemas')
}

export const withoutSchemas: Pick<FastifyServerOptions, 'schemaController'> = {
  schemaController: { compilersFactory: { buildValidator: refuse, buildSerializer: refuse } },
}
