/**
 * One simulated machine: the requests and checks that its boot methods share, and the comparison of downloads with the files on
 * the disk.
 */
import type { Clock } from '../host/clock.ts'
import type { Model, NodeModel } from '../plan/model.ts'
import { formatIpv4 } from '../proto/address/ip.ts'
import type { DhcpMessage } from '../proto/dhcp/message.ts'
import { BootProblem, type Timeline } from './timeline.ts'
import type { DhcpClients, Lease, Reply } from './dhcp-client.ts'
import type { DhcpProfile, Firmware } from './dhcp-profiles.ts'
import { bootFileOf, checkLease, checkProxyOffer } from './dhcp-reply.ts'
import type { DnsClient } from './dns-client.ts'
import type { HttpClient } from './http-client.ts'
import type { TftpClient } from './tftp-client.ts'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { FileFact } from '../plan/facts.ts'

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

type Sent = { readonly octets: number; readonly sha256: string }

type DiskFiles = {
  /**
   * Compares a download with the file on this machine.
   *
   * @throws {BootProblem} when they differ, or the file does not exist
   */
  compare(sent: Sent, fact: FileFact | undefined): Promise<void>
}

export function openDiskFiles(): DiskFiles {
  const digests = new Map<string, Promise<string>>()
  return {
    async compare(sent, fact) {
      if (fact?.kind !== 'found') {
        throw new BootProblem(
          'a file of the site',
          'a file that the site does not name',
          fact?.problem ?? 'the site file',
        )
      }
      const { path, octets } = fact
      const digest = digests.get(path) ?? digestOf(path)
      digests.set(path, digest)
      const sha256 = await digest
      if (sent.octets === octets && sent.sha256 === sha256) return
      throw new BootProblem(
        `the content of ${path} (${octets} bytes, sha256 ${sha256})`,
        `${sent.octets} bytes, sha256 ${sent.sha256}`,
        'whether the file was replaced since the site was loaded',
      )
    },
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(path), hash)
  } catch (error) {
    throw new BootProblem(`to read ${path}`, (error as Error).message, 'its owner and mode')
  }
  return hash.digest('hex')
}
