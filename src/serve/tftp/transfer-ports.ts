/**
 * Where a transfer answers from: a port of its own (RFC 1350 §4), one of a fixed range that a firewall lets
 * through, or the request port itself. That one is for clients behind NAT, where only the port that was asked
 * leads back to them; there, what tells transfers apart is the client's own address and port.
 */
import { isPortTaken } from '../../host/cannot-listen.ts'
import type { Clock } from '../../host/clock.ts'
import type { Datagram, Sockets, UdpPort } from '../../host/udp.ts'
import type { TftpPlan } from '../../plan/tftp.ts'

export type TransferPorts = {
  /** @throws {NoPortFree} when all ports of the plan's range are taken */
  open(plan: TftpPlan, transfer: TransferEnds): Promise<UdpPort>
  /**
   * Gives a datagram that came to the request port to the transfer that answers from there.
   *
   * @returns `late`: of a transfer that ended just now; `unknown`: of none
   */
  deliver(datagram: Datagram): 'delivered' | 'late' | 'unknown'
}

export type TransferEnds = {
  readonly requestPort: UdpPort
  readonly client: { readonly address: string; readonly port: number }
  /** Called when the transfer's own port is lost; losing the request port is the service's affair. */
  readonly onLost: (error: Error) => void
}

/** Every port of the range is taken; the message goes to the client and to the log. */
export class NoPortFree extends Error {
  override readonly name = 'NoPortFree'
}

/** For so long, what a client repeats after its transfer is no stranger's: longer than any round trip. */
const lateMs = 5000

/** How many ended transfers are remembered for that; more end within the time only under a flood. */
const mostEnded = 512

export function createTransferPorts(sockets: Sockets, clock: Clock): TransferPorts {
  /** Ports of a range that transfers have, or are about to. */
  const inUse = new Set<number>()
  /** Where the search in a range goes on: a port just freed comes last, because late packets may still reach it. */
  let next = 0
  /** By the client's `address:port`: who hears what comes to the request port. */
  const handlers = new Map<string, (batch: readonly Datagram[]) => void>()
  /** When transfers on the request port ended, oldest first. */
  const endedAt = new Map<string, number>()

  async function openInRange(plan: TftpPlan, range: PortRange, onLost: TransferEnds['onLost']) {
    const size = range.to - range.from + 1
    for (let tried = 0; tried < size; tried++) {
      const port = range.from + (next++ % size)
      if (inUse.has(port)) continue
      inUse.add(port)
      const free = () => inUse.delete(port)
      try {
        return freeing(await sockets.bindUdp({ address: plan.address, port, onLost }), free)
      } catch (error) {
        free()
        if (!isPortTaken(error)) throw error
      }
    }
    throw new NoPortFree(`all ports from ${range.from} to ${range.to} are taken, ask again later`)
  }

  /** Deviates from RFC 1350 §4, which wants a new port for each transfer: only where the site asks for it. */
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
        // The client may have begun anew, and then the handler is that of its next transfer.
        if (own !== undefined && handlers.get(key) === own) {
          handlers.delete(key)
          noteEnd(key)
        }
        return Promise.resolve()
      },
    }
  }

  function noteEnd(key: string): void {
    endedAt.delete(key)
    endedAt.set(key, clock.monotonic())
    const [oldest] = endedAt.keys()
    if (endedAt.size > mostEnded && oldest !== undefined) endedAt.delete(oldest)
  }

  return {
    async open(plan, transfer) {
      const { transfers, address } = plan
      switch (transfers.kind) {
        case 'any':
          return sockets.bindUdp({ address, port: 0, onLost: transfer.onLost })
        case 'range':
          return openInRange(plan, transfers, transfer.onLost)
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

type PortRange = { readonly from: number; readonly to: number }

function keyOf({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address}:${port}`
}

/** A port that calls `free` once it is closed, whoever closes it: its user, or its own failure. */
function freeing(port: UdpPort, free: () => void): UdpPort {
  return { ...port, close: () => port.close().then(free) }
}
