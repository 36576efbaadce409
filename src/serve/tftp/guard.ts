/** Handles datagrams so that none can end the process: an error is counted and logged, and the next one is handled. */
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Datagram } from '../../host/udp.ts'
import { MalformedPacket } from '../../proto/bytes.ts'
import type { TftpCode } from './codes.ts'

type Sinks = { readonly log: Log; readonly counters: Counters }

/** Calls `handle` with the datagram. Never throws. */
export function handleSafely(
  datagram: Datagram,
  handle: (datagram: Datagram) => void,
  { log, counters }: Sinks,
): void {
  try {
    handle(datagram)
  } catch (error) {
    const client = `${datagram.address}:${datagram.port}`
    if (error instanceof MalformedPacket) {
      const code: TftpCode = 'tftp.malformed'
      counters.increment('tftp.malformed')
      counters.refuse(code)
      log.debug({ client, code, reason: error.message, octets: datagram.payload.length }, 'malformed packet')
      return
    }
    // A defect of slipway, not of the client: log the packet that shows it.
    const code: TftpCode = 'tftp.internal-error'
    counters.increment('tftp.unhandled')
    counters.refuse(code)
    const packet = Buffer.from(datagram.payload).toString('hex')
    log.error({ client, code, err: error, packet }, 'packet handling failed')
  }
}
