/** Counts and logs connections that the HTTP server refuses or closes, and handshakes that fail. */
import { createEventLimiter, type RefusalReason } from '../../host/connection-limits.ts'
import type { HttpCode } from './codes.ts'
import type { Tools } from './request-context.ts'

/** Connections that the server closes or refuses. */
export type ConnectionEvents = {
  /** @param address of the client */
  readonly onRefused: (reason: RefusalReason, address: string) => void
  readonly onReplaced: (address: string) => void
  readonly onStalled: (address: string) => void
  readonly onHandshakeFailed: (address: string, reason: string) => void
}

export function connectionEvents({
  log,
  counters,
  clock,
}: Pick<Tools, 'log' | 'counters' | 'clock'>): ConnectionEvents {
  const limit = createEventLimiter(clock)
  return {
    onRefused(reason, address) {
      const code: HttpCode = reason === 'client-limit' ? 'http.client-limit' : 'http.connection-limit'
      counters.increment('http.connectionsRefused')
      counters.refuse(code)
      limit(code, (count) => log.warn({ client: address, code, count }, 'connection refused'))
    },
    onReplaced(address) {
      counters.increment('http.connectionsReplaced')
      limit('replaced', (count) =>
        log.warn({ client: address, count }, 'idle connection closed for a new one'),
      )
    },
    onHandshakeFailed(address, reason) {
      const code: HttpCode = 'http.handshake-failed'
      counters.increment('http.handshakesFailed')
      counters.refuse(code)
      limit(code, (count) => log.warn({ client: address, code, reason, count }, 'TLS handshake failed'))
    },
    onStalled(address) {
      const code: HttpCode = 'http.reader-too-slow'
      counters.increment('http.stalled')
      counters.refuse(code)
      limit(code, (count) => log.warn({ client: address, code, count }, 'slow reader disconnected'))
    },
  }
}
