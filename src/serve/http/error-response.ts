/** Answers that say no, in text that helps the person who reads them on a screen or with curl. */
import type { FastifyReply } from 'fastify'

export type Refusal = { readonly status: number; readonly sentence: string }

export function refuse(reply: FastifyReply, { status, sentence }: Refusal): FastifyReply {
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('text/plain; charset=utf-8')
    .send(`${sentence}\n`)
}

/** Why a file cannot be sent: the sentence names it, and what to look at. */
export function unreadable(error: unknown, path: string): Refusal {
  const code = (error as NodeJS.ErrnoException).code
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { status: 404, sentence: `${path} is not there` }
    case 'EACCES':
    case 'EPERM':
      return {
        status: 403,
        sentence: `${path} may not be read: look at its owner, its mode and its SELinux type`,
      }
    default:
      return { status: 500, sentence: `${path} cannot be read: ${code ?? String(error)}` }
  }
}

export const helpText = `there is nothing at this address

GET /boot/CLUSTER/NODE/boot.ipxe        what the node boots
GET /boot/CLUSTER/NODE/menu.ipxe        its menu
GET /boot/CLUSTER/NODE/TOKEN/ROLE.ign   its Ignition file, while it is being installed
GET /loaders/FOLDER/FILE                a boot loader, for UEFI HTTP Boot
GET /images/IMAGE/FILE                  kernel, initramfs, rootfs
GET /health                             whether all is well`

/** What is counted and said when no request could be read from a connection (RFC 9112 §2.2, RFC 9110 §15.5). */

export type BadRequest = {
  readonly counter: string
  /** A whole HTTP response; the connection is closed after it. */
  readonly response: string
}

/** @param code of Node's error; undefined comes back for a peer that just went away */
export function misunderstanding(code: string | undefined): BadRequest | undefined {
  switch (code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        counter: 'http.timedOut',
        response: errorResponse('408 Request Timeout', 'the request took too long'),
      }
    case 'HPE_HEADER_OVERFLOW':
      return {
        counter: 'http.malformed',
        response: errorResponse(
          '431 Request Header Fields Too Large',
          'the header of the request is too long',
        ),
      }
    default:
      return {
        counter: 'http.malformed',
        response: errorResponse('400 Bad Request', 'this is not an HTTP request'),
      }
  }
}

function errorResponse(status: string, sentence: string): string {
  const body = `${sentence}\n`
  return [
    `HTTP/1.1 ${status}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n')
}
