/**
 * The TFTP service, read-only (RFC 1350, 2347, 2348, 2349, 7440): receives requests on its port, starts a transfer
 * for each on the port that the plan selects, and limits the number of transfers.
 */
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Service } from '../../host/service.ts'
import type { Datagram, Sockets, UdpPort } from '../../host/udp.ts'
import type { Observe } from '../../install/observation.ts'
import type { TftpPlan } from '../../plan/tftp.ts'
import {
  decodePacket,
  encodePacket,
  ErrorCode,
  type TftpPacket,
  type TftpRequest,
} from '../../proto/tftp/packet.ts'
import type { TftpCode } from './codes.ts'
import { createFiles } from './files.ts'
import { handleSafely } from './guard.ts'
import { openTransfer, type OpenTransfer } from './open-transfer.ts'
import { checkRequest, requestText } from './request.ts'
import { createTransferPorts } from './transfer-ports.ts'

export type TftpServiceOptions = {
  /** Called for each request; a transfer keeps the plan that it started with. */
  readonly plan: () => TftpPlan
  readonly sockets: Sockets
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** Called with what is seen of nodes. */
  readonly observe?: Observe
  /** Called when the request port is lost: the process should end. */
  readonly onLost: (error: Error) => void
}

/** @throws {CannotListen} when the request port cannot be opened */
export async function startTftp(options: TftpServiceOptions): Promise<Service> {
  const { sockets, log, counters, clock, observe = () => {}, onLost } = options
  const files = createFiles()
  const transferPorts = createTransferPorts(sockets, clock)
  /** By the client's transfer identifier: `address:port`. */
  const transfers = new Map<string, OpenTransfer>()
  let isClosing = false

  function receive(from: UdpPort, datagram: Datagram): void {
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
  function deliver(from: UdpPort, datagram: Datagram, kind: TftpPacket['kind']): void {
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

  function answer(from: UdpPort, datagram: Datagram, request: TftpRequest): void {
    counters.increment('tftp.requests')
    const { address, port } = datagram
    const client = `${address}:${port}`
    const text = requestText(request)
    if (isRepeated(client, text)) {
      counters.increment('tftp.repeatedRequests')
      return
    }
    const plan = options.plan()
    const facts = { node: plan.nodeByAddress.get(address), client, file: request.file }
    const sendError = (code: number, message: string) =>
      from.send(encodePacket({ kind: 'error', code, message }), address, port)

    const check = checkRequest(request, whyBusy(plan, address, loadWith(plan, address)))
    if (check.kind === 'refuse') {
      count('tftp.refused', check.code)
      log.warn({ ...facts, code: check.code, reason: check.message }, 'request refused')
      sendError(check.errorCode, check.message)
      return
    }
    const services = { log, counters, clock, files, observe }
    const transfer = openTransfer({
      plan,
      read: check,
      text,
      facts,
      client: { address, port },
      services,
      openPort: (onLost) =>
        transferPorts.open(plan, { requestPort: from, client: { address, port }, onLost }),
      sendError,
    })
    transfers.set(client, transfer)
    void transfer.ended.then(() => {
      if (transfers.get(client) === transfer) transfers.delete(client)
    })
  }

  /**
   * Returns whether a request is a retransmission: the same request from the same port, without an answer up to now.
   * Another request, or the same one after the client stopped responding, means that the client started again.
   */
  function isRepeated(client: string, text: string): boolean {
    const earlier = transfers.get(client)
    if (earlier === undefined) return false
    if (earlier.text === text && !earlier.isUnresponsive()) return true
    earlier.abandon()
    transfers.delete(client)
    return false
  }

  function loadWith({ nodeByAddress }: TftpPlan, address: string): Load {
    let ofClient = 0
    let undeclared = 0
    for (const { client } of transfers.values()) {
      if (client.address === address) ofClient++
      if (!nodeByAddress.has(client.address)) undeclared++
    }
    return { all: transfers.size, ofClient, undeclared }
  }

  const { address, port } = options.plan()
  const ports = await sockets.udp('tftp', { address, port, onLost })
  for (const each of ports) {
    each.receive((batch) => {
      for (const datagram of batch) handleSafely(datagram, (one) => receive(each, one), options)
    })
  }

  return {
    name: 'tftp',
    listening: ports.map(({ local }) => `udp ${local.address}:${local.port}`),
    async close(graceMs) {
      isClosing = true
      const closePorts = () => Promise.all(ports.map((each) => each.close()))
      const isShared = [...transfers.values()].some((each) => each.sharesRequestPort)
      if (!isShared) await closePorts()
      const grace = clock.after(graceMs, () => {
        for (const each of transfers.values()) each.stop('the server is stopping')
      })
      await Promise.all([...transfers.values()].map(({ ended }) => ended))
      grace.cancel()
      await closePorts()
    },
  }
}

/** Transfers in progress when a request arrives. */
export type Load = {
  readonly all: number
  readonly ofClient: number
  /** To addresses that no declared node has. */
  readonly undeclared: number
}

/** Enough for several racks at once. */
const maxTransfers = 512
/** Firmware has one, or two if it requests the size first; an administrator's machine can have more. */
const maxTransfersOfClient = 16

/**
 * Explains why a request from `address` must wait; returns `undefined` when its transfer can start. A client with many
 * requests, from new ports or with forged addresses, does not use up the transfers of declared nodes. Pure.
 */
export function whyBusy(
  { transfers, nodeByAddress }: Pick<TftpPlan, 'transfers' | 'nodeByAddress'>,
  address: string,
  load: Load,
): string | undefined {
  const max =
    transfers.kind === 'range' ? Math.min(maxTransfers, transfers.to - transfers.from + 1) : maxTransfers
  const maxUndeclared = Math.floor(max / 2)
  const isUndeclared = !nodeByAddress.has(address)
  // Behind NAT many machines share one undeclared address: it can be a whole rack.
  const isNat = isUndeclared && transfers.kind === 'single'
  const maxOfClient = isNat ? maxUndeclared : Math.min(maxTransfersOfClient, Math.floor(max / 4))

  if (load.ofClient >= maxOfClient) return `${load.ofClient} transfers to ${address} are in progress`
  if (isUndeclared && load.undeclared >= maxUndeclared) {
    return `${load.undeclared} transfers to undeclared addresses are in progress, try again later`
  }
  return load.all >= max ? `${load.all} transfers are in progress, try again later` : undefined
}
