/** One simulated machine, and the checks that all its DHCP clients share. */
import type { Clock } from '../host/clock.ts'
import type { Model, NodeModel } from '../plan/model.ts'
import { formatIpv4 } from '../proto/address/ip.ts'
import type { DhcpMessage } from '../proto/dhcp/message.ts'
import { BootProblem, type Timeline } from './timeline.ts'
import type { DhcpClients, Lease, Reply } from './dhcp-client.ts'
import type { DhcpProfile, Firmware } from './dhcp-profiles.ts'
import { bootFileOf, checkLease, checkProxyOffer } from './dhcp-reply.ts'
import type { DiskFiles } from './disk-files.ts'
import type { DnsClient } from './dns-client.ts'
import type { HttpClient } from './http-client.ts'
import type { TftpClient } from './tftp-client.ts'

/** Shared by all nodes of a simulation. */
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
  /** The HTTP client of iPXE, and that of the live system. */
  readonly loader: HttpClient
  readonly system: HttpClient
}

/** Requests a lease; offer and ACK must have the same values. */
export async function lease({ node, rack }: Machine, profile: DhcpProfile): Promise<Lease> {
  const result = await rack.dhcp.exchange(profile, node.mac)
  checkLease(result.offer, node, rack.model, false)
  checkLease(result.ack, node, rack.model, false)
  const [offered, acknowledged] = [bootFileOf(result.offer), bootFileOf(result.ack)]
  if (offered !== acknowledged) {
    throw new BootProblem(
      `${offered ?? 'no boot file'} in the ACK, as offered`,
      acknowledged ?? 'none',
      'whether the site was reloaded between offer and ACK',
    )
  }
  return result
}

/** The reply with the boot file, the text of the lease for the timeline, and the octets of all replies. */
export type BootAnswer = { readonly reply: DhcpMessage; readonly leased: string; readonly octets: number }

/**
 * Requests a boot file as firmware or iPXE does. Where another DHCP server leases the addresses, the simulation requests no
 * lease from it.
 *
 * @param judge check of the client for an offer with a lease
 */
export async function requestBootFile(
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
  const replies = await rack.dhcp.requestBootFile(profile, node.mac, node.address)
  for (const { message } of replies) checkProxyOffer(message)
  const { message } = replies.at(-1) as Reply
  return { reply: message, leased: 'ProxyDHCP', octets: replies.reduce((sum, { octets }) => sum + octets, 0) }
}

export function wrongBootFile(wanted: string, got: string | undefined, node: NodeModel): BootProblem {
  return new BootProblem(`boot file ${wanted}`, got ?? 'none', `loader of ${node.key}, and server.ports`)
}

export function pathOf(url: string): string {
  return new URL(url).pathname
}
