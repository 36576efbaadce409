/** A packet can never take the process down: what goes wrong with one is told, and the next is served. */
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Datagram } from '../../host/udp.ts'
import { MalformedPacket } from '../../proto/bytes/malformed.ts'

type Witnesses = { readonly log: Log; readonly counters: Counters }

/** Calls `handle` with the datagram. Never throws. */
export function guarded(
  datagram: Datagram,
  handle: (datagram: Datagram) => void,
  { log, counters }: Witnesses,
): void {
  try {
    handle(datagram)
  } catch (error) {
    const client = `${datagram.address}:${datagram.port}`
    if (error instanceof MalformedPacket) {
      counters.increment('tftp.malformed')
      log.debug({ client, reason: error.message, octets: datagram.payload.length }, 'malformed packet')
      return
    }
    // Our bug, not the sender's: keep the packet that shows it.
    counters.increment('tftp.unhandled')
    const packet = Buffer.from(datagram.payload).toString('hex')
    log.error({ client, err: error, packet }, 'packet could not be handled')
  }
}
