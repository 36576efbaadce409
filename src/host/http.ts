/**
 * The parts of Node.js and Fastify that HTTP servers and clients load. An import statement would read every export of
 * node:http, and one of them loads a WebSocket implementation: that takes 40 ms, a fifth of the start of a small site.
 */
import type { FastifyServerOptions } from 'fastify'

export const { Agent, createServer, request, ServerResponse } = process.getBuiltinModule('node:http')

// Options of Fastify for an app whose routes have no schemas: the compilers of schemas are not loaded.

function refuse(): never {
  throw new Error('routes have no schemas')
}

export const withoutSchemas: Pick<FastifyServerOptions, 'schemaController'> = {
  schemaController: { compilersFactory: { buildValidator: refuse, buildSerializer: refuse } },
}
