/** The Runtime API of HAProxy on its stats socket and master socket: one command, one reply. */
import { connect } from 'node:net'
import type { Clock } from '../../host/clock.ts'

export type RuntimeReply =
  | { readonly kind: 'answer'; readonly text: string }
  /** `reason` includes what to do. */
  | { readonly kind: 'unreachable'; readonly reason: string }

const timeoutMs = 2000
/** `show stat` has about 600 bytes a line; this suffices for the largest site. */
const maxBytes = 4 * 1024 * 1024

/** Never rejects. HAProxy closes the connection after its reply. */
export function queryHaproxy(path: string, command: string, clock: Clock): Promise<RuntimeReply> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const end = (reply: RuntimeReply): void => {
      deadline.cancel()
      socket.destroy()
      resolve(reply)
    }
    const unreachable = (reason: string): void => end({ kind: 'unreachable', reason })
    const socket = connect({ path })
    const deadline = clock.after(timeoutMs, () =>
      unreachable(`HAProxy does not answer on ${path} within ${timeoutMs / 1000} s`),
    )
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > maxBytes) unreachable(`HAProxy's reply on ${path} is larger than ${maxBytes} bytes`)
    })
    socket.on('end', () => end({ kind: 'answer', text: Buffer.concat(chunks).toString('utf8') }))
    socket.on('error', (error: NodeJS.ErrnoException) => unreachable(explain(path, error)))
    socket.write(`${command}\n`)
  })
}

function explain(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return `socket ${path} does not exist: start HAProxy, or set haproxy.socket to its stats socket`
    case 'ECONNREFUSED':
      return `connection to ${path} refused: start HAProxy`
    case 'EACCES':
      return `permission denied for ${path}: add the service user to the group of the socket (usermod --append --groups haproxy slipway)`
    default:
      return `connection to HAProxy on ${path} failed: ${error.message}`
  }
}
