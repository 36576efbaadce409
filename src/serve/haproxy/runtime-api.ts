/** A question to HAProxy's own sockets (stats socket, master socket): one line there, one answer back. */
import { connect } from 'node:net'
import type { Clock } from '../../host/clock.ts'

export type RuntimeReply =
  | { readonly kind: 'answer'; readonly text: string }
  /** `reason` is a sentence with what to do. */
  | { readonly kind: 'unreachable'; readonly reason: string }

const timeoutMs = 2000
/** `show stat` has some 600 octets a line; this is room for the largest site. */
const mostOctets = 4 * 1024 * 1024

/** Never rejects. HAProxy closes the connection after its answer; one that does not is left after two seconds. */
export function queryHaproxy(path: string, question: string, clock: Clock): Promise<RuntimeReply> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let octets = 0
    const end = (answer: RuntimeReply): void => {
      deadline.cancel()
      socket.destroy()
      resolve(answer)
    }
    const unreachable = (reason: string): void => end({ kind: 'unreachable', reason })
    const socket = connect({ path })
    const deadline = clock.after(timeoutMs, () =>
      unreachable(`HAProxy does not answer on ${path} within ${timeoutMs / 1000} s`),
    )
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      octets += chunk.length
      if (octets > mostOctets) unreachable(`HAProxy's answer on ${path} has no end`)
    })
    socket.on('end', () => end({ kind: 'answer', text: Buffer.concat(chunks).toString('utf8') }))
    socket.on('error', (error: NodeJS.ErrnoException) => unreachable(explain(path, error)))
    socket.write(`${question}\n`)
  })
}

function explain(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return `there is no socket ${path}: HAProxy does not run, or the site's haproxy.socket is another than its own`
    case 'ECONNREFUSED':
      return `nobody listens on ${path}: HAProxy does not run`
    case 'EACCES':
      return `no permission for ${path}: put slipway's user into the socket's group (usermod --append --groups haproxy slipway)`
    default:
      return `cannot ask HAProxy on ${path}: ${error.message}`
  }
}
