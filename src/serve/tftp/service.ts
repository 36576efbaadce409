/**
 * The TFTP service, read only (RFC 1350, 2347, 2348, 2349, 7440): requests come to its port, every
 * transfer answers from where the plan says, the log tells how each ended.
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
import { createFiles } from './files.ts'
import { grant, type Grant } from './open-transfer.ts'
import { guarded } from './guard.ts'
import { judgeRequest, requestText } from './request.ts'
import { createTransferPorts } from './transfer-ports.ts'

export type TftpServiceOptions = {
  /** Read once for each request; a transfer ends under the plan it began with. */
  readonly plan: () => TftpPlan
  readonly sockets: Sockets
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** Told what is seen of nodes. */
  readonly observe?: Observe
  /** Called when the request port is lost: the process should end. */
  readonly onLost: (error: Error) => void
}

/** @throws {CannotListen} when the request port cannot be had */
export async function startTftp(options: TftpServiceOptions): Promise<Service> {
  const { sockets, log, counters, clock, observe = () => {}, onLost } = options
  const files = createFiles()
  const transferPorts = createTransferPorts(sockets, clock)
  /** By the client's transfer identifier: `address:port`. */
  const grants = new Map<string, Grant>()
  let isClosing = false

  function receive(from: UdpPort, datagram: Datagram): void {
    const packet = decodePacket(datagram.payload)
    if (packet.kind !== 'rrq' && packet.kind !== 'wrq') deliver(from, datagram, packet.kind)
    // Who asks while the port is only kept for transfers asks again, and finds the next process.
    else if (!isClosing) answer(from, datagram, packet)
  }

  /** What begins no transfer may belong to one that answers from the request port. */
  function deliver(from: UdpPort, datagram: Datagram, kind: TftpPacket['kind']): void {
    const outcome = transferPorts.deliver(datagram)
    if (outcome === 'delivered') return
    // Where transfers have ports of their own nothing is due here, and an answer could start a quarrel with
    // another server. Where they have not, RFC 1350 §4 wants it; but an ERROR is never answered with an ERROR.
    if (outcome === 'unknown' && kind !== 'error' && options.plan().transfers.kind === 'single') {
      counters.increment('tftp.unknownTransferIds')
      const message = 'unknown transfer identifier'
      const error = encodePacket({ kind: 'error', code: ErrorCode.unknownTransferId, message })
      from.send(error, datagram.address, datagram.port)
      return
    }
    counters.increment('tftp.unexpected')
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

    const judgement = judgeRequest(request, whyBusy(plan, address, loadWith(plan, address)))
    if (judgement.kind === 'refuse') {
      counters.increment('tftp.refused')
      log.warn({ ...facts, reason: judgement.message }, 'request refused')
      sendError(judgement.code, judgement.message)
      return
    }
    const services = { log, counters, clock, files, observe }
    const granted = grant({
      plan,
      read: judgement,
      text,
      facts,
      client: { address, port },
      services,
      openPort: (onLost) =>
        transferPorts.open(plan, { requestPort: from, client: { address, port }, onLost }),
      sendError,
    })
    grants.set(client, granted)
    void granted.ended.then(() => {
      if (grants.get(client) === granted) grants.delete(client)
    })
  }

  /**
   * A client that heard nothing sends its request again from the same port: the transfer it began answers.
   * Another request, or the same one after the client had fallen silent, means that it began anew.
   */
  function isRepeated(client: string, text: string): boolean {
    const earlier = grants.get(client)
    if (earlier === undefined) return false
    if (earlier.text === text && !earlier.isQuiet()) return true
    earlier.abandon()
    grants.delete(client)
    return false
  }

  function loadWith({ nodeByAddress }: TftpPlan, address: string): Load {
    let ofClient = 0
    let ofStrangers = 0
    for (const { client } of grants.values()) {
      if (client.address === address) ofClient++
      if (!nodeByAddress.has(client.address)) ofStrangers++
    }
    return { all: grants.size, ofClient, ofStrangers }
  }

  const { address, port } = options.plan()
  const ports = await sockets.udp('tftp', { address, port, onLost })
  for (const each of ports) {
    each.receive((batch) => {
      for (const datagram of batch) guarded(datagram, (one) => receive(each, one), options)
    })
  }

  return {
    name: 'tftp',
    listening: ports.map(({ local }) => `udp ${local.address}:${local.port}`),
    async close(graceMs) {
      isClosing = true
      const closePorts = () => Promise.all(ports.map((each) => each.close()))
      const isShared = [...grants.values()].some((each) => each.sharesRequestPort)
      if (!isShared) await closePorts()
      const grace = clock.after(graceMs, () => {
        for (const each of grants.values()) each.stop('the server is stopping')
      })
      await Promise.all([...grants.values()].map(({ ended }) => ended))
      grace.cancel()
      await closePorts()
    },
  }
}

/**
 * How many transfers there may be at once: a machine that keeps asking, from new ports or in the name of
 * addresses that are not its own, does not take the places of the declared nodes. Pure.
 */

/** Transfers under way when a request comes. */
export type Load = {
  readonly all: number
  readonly ofClient: number
  /** To addresses of no declared node. */
  readonly ofStrangers: number
}

/** Several racks at once. */
const mostTransfers = 512
/** Firmware has one, or two where it asks for the size first; a person's machine has some more. */
const mostOfClient = 16

/** Why a request from `address` has to wait; `undefined` when its transfer may begin. */
export function whyBusy(
  { transfers, nodeByAddress }: Pick<TftpPlan, 'transfers' | 'nodeByAddress'>,
  address: string,
  load: Load,
): string | undefined {
  const places =
    transfers.kind === 'range' ? Math.min(mostTransfers, transfers.to - transfers.from + 1) : mostTransfers
  const ofStrangers = Math.floor(places / 2)
  const isStranger = !nodeByAddress.has(address)
  // Behind NAT all machines have one address, of no node: it may be a whole rack.
  const isRack = isStranger && transfers.kind === 'single'
  const ofClient = isRack ? ofStrangers : Math.min(mostOfClient, Math.floor(places / 4))

  if (load.ofClient >= ofClient) return `${load.ofClient} transfers to ${address} are under way`
  if (isStranger && load.ofStrangers >= ofStrangers) {
    return `${load.ofStrangers} transfers to undeclared addresses are under way, ask again later`
  }
  return load.all >= places ? `${load.all} transfers are under way, ask again later` : undefined
}
