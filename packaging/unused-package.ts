/**
 * Replaces packages that the built program never calls: what @fastify/static needs to list a directory at its start, and
 * what Fastify needs for routes with schemas and to inject requests. They would take memory, and time at each start.
 */
export function glob(): never {
  throw new Error('the built program does not contain this package')
}
