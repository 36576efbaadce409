/** One machine of a simulated rack, and what every client in it demands of a lease. */
import type { Clock } from '../host/clock.ts'
import type { Model, NodeModel } from '../plan/model.ts'
import { BootProblem } from './boot-problem.ts'
import type { DhcpClients, Lease } from './dhcp-client.ts'
import type { DhcpProfile, Firmware } from './dhcp-profiles.ts'
import { bootFileOf, judgeLease } from './dhcp-reply.ts'
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

export function wrongBootFile(wanted: string, got: string | undefined, node: NodeModel): BootProblem {
  return new BootProblem(`boot file ${wanted}`, got ?? 'none', `loader of ${node.key}, and server.ports`)
}

export function pathOf(url: string): string {
  return new URL(url).pathname
}
