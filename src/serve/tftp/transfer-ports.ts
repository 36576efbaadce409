/**
 * The server's port of a transfer: a new port (RFC 1350 §4), one of a fixed range that a firewall allows, or the
 * request port. The request port is for clients behind NAT, where only replies from that port reach them; the
 * client's address and port then identify the transfer.
 */
import { randomInt } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { isPortTaken } from '../../host/cannot-listen.ts'
import type { Clock } from '../../host/clock.ts'
import type { Datagram, Sockets, UdpPort } from '../../host/udp.ts'
import type { TftpPlan } from '../../plan/tftp.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import { MalformedPacket } from '../../proto/bytes.ts'
import { endpointText } from '../../text/endpoint.ts'
import type { TftpCode } from './codes.ts'

export type TransferPorts = {
  /** @throws {NoPortFree} when all ports of the plan's range are in use */
  open(plan: TftpPlan, transfer: TransferEnds): Promise<UdpPort>
  /**
   * Passes a datagram that arrived at the request port to the transfer that uses this port.
   *
   * @returns `late`: the transfer has just ended; `unknown`: there is no transfer
   */
  deliver(datagram: Datagram): 'delivered' | 'late' | 'unknown'
}

type TransferEnds = {
  readonly requestPort: Pick<UdpPort, 'local' | 'send'>
  readonly client: { readonly address: string; readonly port: number }
  /** Called when the transfer's port is lost; the service handles the loss of the request port. */
  readonly onLost: (error: Error) => void
}

/** Every port of the range is in use; the message goes to the client and to the log. */
export class NoPortFree extends Error {
  override readonly name = 'NoPortFree'
}

/** How long repeated packets of an ended transfer are recognized: longer than any round trip. */
const lateMs = 5000

/** How many ended transfers are remembered for that; more end in this time only during a flood. */
const maxEnded = 512

export function createTransferPorts(sockets: Pick<Sockets, 'bindUdp'>, clock: Clock): TransferPorts {
  /** Ports of a range that transfers use or are opening. */
  const inUse = new Set<number>()
  /** When ports of a range were freed. */
  const freedAt = new Map<number, number>()
  /** Handlers of datagrams at the request port, by the client's `address:port`. */
  const handlers = new Map<string, (batch: readonly Datagram[]) => void>()
  /** When transfers on the request port ended, oldest first. */
  const endedAt = new Map<string, number>()

  async function openInRange(address: string, range: PortRange, onLost: TransferEnds['onLost']) {
    const size = range.to - range.from + 1
    // From a random port on, so that a forger cannot predict it from a transfer of its own.
    const start = randomInt(size)
    const ports = Array.from({ length: size }, (_, index) => range.from + ((start + index) % size))
    const isLate = (port: number) => clock.monotonic() - (freedAt.get(port) ?? -Infinity) < lateMs
    // Late packets can still arrive at a port that was freed just now: such ports come last.
    for (const port of [...ports.filter((each) => !isLate(each)), ...ports.filter(isLate)]) {
      if (inUse.has(port)) continue
      inUse.add(port)
      const free = () => {
        inUse.delete(port)
        freedAt.set(port, clock.monotonic())
      }
      try {
        return freeing(await sockets.bindUdp({ address, port, onLost }), free)
      } catch (error) {
        free()
        if (!isPortTaken(error)) throw error
      }
    }
    throw new NoPortFree(`all ports from ${range.from} to ${range.to} are in use, try again later`)
  }

  /** Deviates from RFC 1350 §4, which requires a new port for each transfer: only if the site file sets it. */
  function shareRequestPort({ requestPort, client }: TransferEnds): UdpPort {
    const key = keyOf(client)
    let own: ((batch: readonly Datagram[]) => void) | undefined
    return {
      local: requestPort.local,
      receive(handler) {
        own = handler
        handlers.set(key, handler)
      },
      send: (payload, address, port, failed) => requestPort.send(payload, address, port, failed),
      close() {
        // After a new request of the client, the handler belongs to its next transfer.
        if (own !== undefined && handlers.get(key) === own) {
          handlers.delete(key)
          recordEnd(key)
        }
        return Promise.resolve()
      },
    }
  }

  function recordEnd(key: string): void {
    endedAt.delete(key)
    endedAt.set(key, clock.monotonic())
    const [oldest] = endedAt.keys()
    if (endedAt.size > maxEnded && oldest !== undefined) endedAt.delete(oldest)
  }

  return {
    async open(plan, transfer) {
      const { transfers } = plan
      const address = ownAddress(plan, transfer.client.address)
      switch (transfers.kind) {
        case 'any':
          return sockets.bindUdp({ address, port: 0, onLost: transfer.onLost })
        case 'range':
          return openInRange(address, transfers, transfer.onLost)
        case 'single':
          return shareRequestPort(transfer)
      }
    },
    deliver(datagram) {
      const key = keyOf(datagram)
      const handler = handlers.get(key)
      if (handler !== undefined) {
        handler([datagram])
        return 'delivered'
      }
      const ended = endedAt.get(key)
      return ended !== undefined && clock.monotonic() - ended < lateMs ? 'late' : 'unknown'
    },
  }
}

/** Returns the address of this server that a client sends its request to: one of the same version of IP. */
export function ownAddress({ address, ipv6 }: Pick<TftpPlan, 'address' | 'ipv6'>, client: string): string {
  return ipv6 !== undefined && isIPv6(client) ? ipv6.address : address
}

type PortRange = { readonly from: number; readonly to: number }

function keyOf({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address}:${port}`
}

/** Returns a port that calls `free` when it is closed, by its user or by a failure. */
function freeing(port: UdpPort, free: () => void): UdpPort {
  return { ...port, close: () => port.close().then(free) }
}

// Handles datagrams so that none can end the process: an error is counted and logged, and the next one is handled.

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
    const client = endpointText(datagram)
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
