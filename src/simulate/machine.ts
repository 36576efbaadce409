/** One machine of a simulated rack, and what every client in it demands of a lease. */
import type { Clock } from '../host/clock.ts'
import type { Model, NodeModel } from '../plan/model.ts'
import { formatIpv4 } from '../proto/address/ipv4.ts'
import type { DhcpMessage } from '../proto/dhcp/message.ts'
import { BootProblem } from './boot-problem.ts'
import type { DhcpClients, Lease, Reply } from './dhcp-client.ts'
import type { DhcpProfile, Firmware } from './dhcp-profiles.ts'
import { bootFileOf, judgeLease, judgeProxyOffer } from './dhcp-reply.ts'
import type { DiskFiles } from './disk-files.ts'
import type { DnsClient } from './dns-client.ts'
import type { HttpClient } from './http-client.ts'
import type { TftpClient } from './tftp-client.ts'
import type { Timeline } from './timeline.ts'

/** What all nodes of one simulation share. */
export type Rack = {
  readonly model: Model
  readonly clock: Clock
  readonly dhcp: DhcpClients
  readonly tftp: TftpClient
  readonly dns: DnsClient
  readonly disk: DiskFiles
}

export type Machine = {
  readonly node: NodeModel
  readonly firmware: Firmware
  readonly rack: Rack
  readonly timeline: Timeline
  /** iPXE's connection, and the live system's. */
  readonly loader: HttpClient
  readonly system: HttpClient
}

/** Offer and acknowledgement must say the same of the machine. */
export async function lease({ node, rack }: Machine, profile: DhcpProfile): Promise<Lease> {
  const result = await rack.dhcp.exchange(profile, node.mac)
  judgeLease(result.offer, node, rack.model, false)
  judgeLease(result.ack, node, rack.model, false)
  const [offered, acknowledged] = [bootFileOf(result.offer), bootFileOf(result.ack)]
  if (offered !== acknowledged) {
    throw new BootProblem(
      `${offered ?? 'no boot file'} in the ACK, as offered`,
      acknowledged ?? 'none',
      'the server',
    )
  }
  return result
}

/** What DHCP says a machine boots: the reply that says it, how the lease reads in a timeline, and the octets of all replies. */
export type BootAnswer = { readonly reply: DhcpMessage; readonly leased: string; readonly octets: number }

/**
 * Asks as firmware or iPXE does. Where another DHCP server leases the addresses it is left alone: a simulation takes
 * nothing from it.
 *
 * @param judge what the client demands of an offer with its lease
 */
export async function askBootFile(
  machine: Machine,
  profile: DhcpProfile,
  judge: (offer: DhcpMessage) => void,
): Promise<BootAnswer> {
  const { node, rack } = machine
  if (node.subnet.dhcp === 'full') {
    const { offer, octets } = await lease(machine, profile)
    judge(offer)
    return { reply: offer, leased: formatIpv4(offer.yiaddr), octets }
  }
  const replies = await rack.dhcp.askProxy(profile, node.mac, node.address)
  for (const { message } of replies) judgeProxyOffer(message)
  const { message } = replies.at(-1) as Reply
  return { reply: message, leased: 'ProxyDHCP', octets: replies.reduce((sum, { octets }) => sum + octets, 0) }
}

export function wrongBootFile(wanted: string, got: string | undefined, node: NodeModel): BootProblem {
  return new BootProblem(`boot file ${wanted}`, got ?? 'none', `loader of ${node.key}, and server.ports`)
}

export function pathOf(url: string): string {
  return new URL(url).pathname
}
