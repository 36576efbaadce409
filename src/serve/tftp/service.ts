/**
 * The TFTP service, read-only (RFC 1350, 2347, 2348, 2349, 7440): receives requests on its port, starts a transfer
 * for each on the port that the plan selects, and limits the number of transfers. Runs in a lane, or in the main thread.
 */
import { createInterfaceMtu } from '../../host/attached-networks.ts'
import type { Datagram, Sockets } from '../../host/udp.ts'
import {
  decodePacket,
  encodePacket,
  ErrorCode,
  type TftpPacket,
  type TftpRequest,
} from '../../proto/tftp/packet.ts'
import { endpointText } from '../../text/endpoint.ts'
import type { TftpCode } from './codes.ts'
import { defined } from '../../text/defined.ts'
import { createDownloads } from '../../install/downloads.ts'
import { createFiles } from './files.ts'
import {
  listen,
  type RequestPort,
  type TftpServer,
  type TftpService,
  type TftpServiceOptions,
} from './listen.ts'
import { withIpv6 } from './listen6.ts'
import { createTransferPorts, handleSafely, ownAddress } from './transfer-ports.ts'
import {
  classOf,
  isClient,
  limitsFor,
  whyBusy,
  type Busy,
  type Occupant,
  checkRequest,
  requestText,
} from './request.ts'
import { openTransfer, type OpenTransfer } from './open-transfer.ts'

/** @throws {CannotListen} when the request port cannot be opened */
export async function startTftp(options: TftpServiceOptions): Promise<TftpService> {
  const service = await listen(options, createTftpServer(options))
  return withIpv6(options, service, () => createTftpServer(options))
}

type TftpServerOptions = Omit<TftpServiceOptions, 'sockets' | 'onLost'> & {
  readonly sockets: Pick<Sockets, 'bindUdp'>
}

export function createTftpServer(options: TftpServerOptions): TftpServer {
  const { sockets, log, counters, clock, observe = () => {} } = options
  const files = createFiles()
  const downloads = createDownloads({ observe, clock })
  const { nodeFiles } = options
  const transferPorts = createTransferPorts(sockets, clock)
  /** Keys are transfer identifiers of clients: `address:port`. */
  const transfers = new Map<string, { readonly transfer: OpenTransfer; readonly occupant: Occupant }>()
  /** All transfers that have not ended, abandoned ones included. */
  const ending = new Set<OpenTransfer>()
  const interfaceMtu = options.interfaceMtu ?? createInterfaceMtu(clock)
  let isClosing = false

  function receive(from: RequestPort, datagram: Datagram): void {
    const packet = decodePacket(datagram.payload)
    if (packet.kind !== 'rrq' && packet.kind !== 'wrq') deliver(from, datagram, packet.kind)
    // While closing, the port stays open for transfers only: the client sends its request again to the next process.
    else if (!isClosing) answer(from, datagram, packet)
  }

  function count(counter: string, code: TftpCode): void {
    counters.increment(counter)
    counters.refuse(code)
  }

  /** Passes a packet other than a request to a transfer that uses the request port. */
  function deliver(from: RequestPort, datagram: Datagram, kind: TftpPacket['kind']): void {
    const outcome = transferPorts.deliver(datagram)
    if (outcome === 'delivered') return
    // If transfers have separate ports, no packet is expected here, and an answer could cause a loop with another
    // server. Otherwise RFC 1350 §4 requires an ERROR, but never as the answer to an ERROR.
    if (outcome === 'unknown' && kind !== 'error' && options.plan().transfers.kind === 'single') {
      count('tftp.unknownTransferIds', 'tftp.unknown-transfer')
      const message = 'unknown transfer identifier'
      const error = encodePacket({ kind: 'error', code: ErrorCode.unknownTransferId, message })
      from.send(error, datagram.address, datagram.port)
      return
    }
    count('tftp.unexpected', 'tftp.unexpected-packet')
  }

  function answer(from: RequestPort, datagram: Datagram, request: TftpRequest): void {
    counters.increment('tftp.requests')
    const { address, port } = datagram
    const client = endpointText({ address, port })
    const text = requestText(request)
    if (isRepeated(client, text)) {
      counters.increment('tftp.repeatedRequests')
      return
    }
    const plan = options.plan()
    const facts = { node: plan.nodeByAddress.get(address), client, file: request.file }
    const sendError = (code: number, message: string) =>
      from.send(encodePacket({ kind: 'error', code, message }), address, port)

    const occupants = [...transfers.values()].map(({ occupant }) => occupant)
    const busy = whyBusy(plan, address, occupants)
    const check = checkRequest(
      request,
      isClient(plan, address),
      busy === undefined || freeSlot(busy, address) ? undefined : busy.reason,
    )
    if (check.kind === 'refuse') {
      count('tftp.refused', check.code)
      log.warn({ ...facts, code: check.code, reason: check.message }, 'request refused')
      sendError(check.errorCode, check.message)
      return
    }
    const services = { log, counters, clock, files, observe, downloads, ...defined({ nodeFiles }) }
    const transfer = openTransfer({
      plan,
      read: check,
      limits: limitsFor(plan, address, interfaceMtu(ownAddress(plan, address))),
      text,
      facts,
      client: { address, port },
      services,
      openPort: (onLost) =>
        transferPorts.open(plan, { requestPort: from, client: { address, port }, onLost }),
      sendError,
    })
    transfers.set(client, { transfer, occupant: { address, class: classOf(plan, address) } })
    void transfer.ended.then(() => {
      ending.delete(transfer)
      if (transfers.get(client)?.transfer === transfer) transfers.delete(client)
    })
    ending.add(transfer)
  }

  /**
   * Returns whether a request is a retransmission: the same request from the same port, which gets the same answer again.
   * Another request, or the same one from a client that got an answer and then stopped responding, means that the
   * client started again.
   */
  function isRepeated(client: string, text: string): boolean {
    const earlier = transfers.get(client)?.transfer
    if (earlier === undefined) return false
    if (earlier.text === text && earlier.repeat()) return true
    earlier.abandon('restarted')
    transfers.delete(client)
    return false
  }

  /**
   * Ends the oldest transfer that counts for the limit and whose client has acknowledged nothing, or else one of the same
   * client that it has abandoned: no client is locked out by its own attempts.
   */
  function freeSlot(busy: Busy, address: string): boolean {
    const all = [...transfers].filter(([, { occupant }]) => busy.counts(occupant))
    const replaced =
      all.find(([, { transfer }]) => !transfer.isAcknowledged()) ??
      all.find(([, { occupant, transfer }]) => occupant.address === address && transfer.isUnresponsive())
    if (replaced === undefined) return false
    const [key, { transfer }] = replaced
    transfer.abandon('replaced')
    transfers.delete(key)
    return true
  }

  return {
    receive: (from, datagram) => handleSafely(datagram, (one) => receive(from, one), options),
    active: () => ending.size,
    async close(graceMs, closePorts) {
      isClosing = true
      const isShared = [...ending].some((each) => each.sharesRequestPort)
      if (!isShared) await closePorts()
      const grace = clock.after(graceMs, () => {
        for (const each of ending) each.stop('the server is stopping')
      })
      await Promise.all([...ending].map(({ ended }) => ended))
      grace.cancel()
      await closePorts()
    },
  }
}
