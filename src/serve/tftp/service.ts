/**
 * The TFTP service, read only (RFC 1350, 2347, 2348, 2349, 7440): requests come to its port, every
 * transfer gets a port of its own, the log tells how each ended.
 */
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Service } from '../../host/service.ts'
import type { Datagram, Sockets, UdpPort } from '../../host/udp.ts'
import type { TftpPlan } from '../../plan/tftp.ts'
import { decodePacket, encodePacket, type TftpRequest } from '../../proto/tftp/packet.ts'
import { createFiles } from './files.ts'
import { grant, type Grant } from './grant.ts'
import { guarded } from './guard.ts'
import { judgeRequest, requestText } from './request.ts'

export type TftpServiceOptions = {
  /** Read once for each request; a transfer ends under the plan it began with. */
  readonly plan: () => TftpPlan
  readonly sockets: Sockets
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** Called when the request port is lost: the process should end. */
  readonly onLost: (error: Error) => void
}

/** Several racks at once; and a machine that keeps asking from new ports does not take them all. */
const limits = { transfers: 512, perClient: 16 }

/** @throws {CannotListen} when the request port cannot be had */
export async function startTftp(options: TftpServiceOptions): Promise<Service> {
  const { sockets, log, counters, clock, onLost } = options
  const files = createFiles()
  /** By the client's transfer identifier: `address:port`. */
  const grants = new Map<string, Grant>()

  function receive(from: UdpPort, datagram: Datagram): void {
    const request = decodePacket(datagram.payload)
    // Nothing else begins a transfer, and to answer it could start a quarrel with another server.
    if (request.kind !== 'rrq' && request.kind !== 'wrq') {
      counters.increment('tftp.unexpected')
      return
    }
    answer(from, datagram, request)
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

    const judgement = judgeRequest(request, tooMany(address))
    if (judgement.kind === 'refuse') {
      counters.increment('tftp.refused')
      log.warn({ ...facts, reason: judgement.message }, 'request refused')
      sendError(judgement.code, judgement.message)
      return
    }
    const services = { sockets, log, counters, clock, files }
    const granted = grant({
      plan,
      read: judgement,
      text,
      facts,
      client: { address, port },
      services,
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

  function tooMany(address: string): string | undefined {
    if (grants.size >= limits.transfers) return `${limits.transfers} transfers are under way, ask again later`
    let own = 0
    for (const each of grants.values()) if (each.client.address === address) own++
    return own < limits.perClient ? undefined : `${own} transfers to ${address} are under way`
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
      await Promise.all(ports.map((each) => each.close()))
      const grace = clock.after(graceMs, () => {
        for (const each of grants.values()) each.stop('the server is stopping')
      })
      await Promise.all([...grants.values()].map(({ ended }) => ended))
      grace.cancel()
    },
  }
}
