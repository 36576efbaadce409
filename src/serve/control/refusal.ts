/** Error responses of the local API: `{ "code": …, "error": sentence }`. */
import type { FastifyReply } from 'fastify'
import type { ControlCode } from './codes.ts'

export function refuse(
  reply: FastifyReply,
  status: number,
  code: ControlCode,
  error: string,
  more: object = {},
): FastifyReply {
  return reply.code(status).send({ code, error, ...more })
}
