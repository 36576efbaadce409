/** Error responses of the local API: `{ "code": …, "error": sentence }`. */
import type { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'
import type { BmcCode } from '../../bmc/codes.ts'
import type { ControlCode } from './codes.ts'

export function refuse(
  reply: FastifyReply,
  status: number,
  code: ControlCode | BmcCode,
  error: string,
  more: object = {},
): FastifyReply {
  return reply.code(status).send({ code, error, ...more })
}

/** Refuses a command with the code and the reason of the component that does not run it. */
export function refuseCommand(
  reply: FastifyReply,
  { code, reason }: { readonly code: string; readonly reason: string },
): FastifyReply {
  return reply.code(409).send({ code, error: reason })
}

/** Answers octets that are not a request, and requests that do not arrive in time (RFC 9112). */
export function answerBadRequest({ code, message }: Error & { readonly code: string }, socket: Socket): void {
  const statuses: Readonly<Record<string, string>> = {
    ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
    HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  }
  // A connection that broke, or whose TLS handshake failed, cannot be answered.
  if (!/^(?:HPE|ERR_HTTP)_/.test(code)) {
    socket.destroy()
    return
  }
  if (socket.writable) {
    const body = JSON.stringify({ code: 'server.bad-request' satisfies ControlCode, error: message })
    const head = `HTTP/1.1 ${statuses[code] ?? '400 Bad Request'}\r\ncontent-type: application/json\r\n`
    socket.write(`${head}connection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  }
  socket.destroySoon()
}
