/**
 * One simulated machine: the requests and checks that its boot methods share, the comparison of downloads with the files on
 * the disk, and its firmware, which boots a loader by PXE (TFTP) or UEFI HTTP Boot.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../host/clock.ts'
import { arm64, bios, silentBootFile, x64 } from '../plan/dhcp/boot-table.ts'
import type { BootSyntax } from '../plan/boot/syntax.ts'
import type { FileFact, Facts, ImageLoaderName, LoaderName } from '../plan/facts.ts'
import type { Ipv4Node, Model, NodeModel } from '../plan/model.ts'
import { absoluteUrl, urlPaths } from '../plan/urls.ts'
import { formatIpv4 } from '../proto/address/ip.ts'
import type { DhcpMessage } from '../proto/dhcp/message.ts'
import type { DhcpClients, Lease, Reply } from './dhcp-client.ts'
import type { Dhcpv6Clients, Link } from './dhcpv6-client.ts'
import { bootsOverHttp, firmwareProfile, type DhcpProfile, type Firmware } from './dhcp-profiles.ts'
import { bootFileOf, checkHttpOffer, checkLease, checkProxyOffer, checkPxeOffer } from './dhcp-reply.ts'
import type { DnsClient } from './dns-client.ts'
import { openHttpClient, type HttpClient } from './http-client.ts'
import { probeSize, readFile, type TftpClient } from './tftp-client.ts'
import { BootProblem, type Timeline } from './timeline.ts'

/** What nodes that boot over IPv6 use. */
export type Ipv6Network = {
  readonly dhcp: Dhcpv6Clients
  /** The server, for a source address on the network of a node. */
  tftp(source: string): TftpClient
  /** Returns the interface of this machine that is on the network of a node. */
  linkOf(node: NodeModel): Link | undefined
}

/** Shared by all nodes of a simulation. */
export type SimulationContext = {
  readonly model: Model
  readonly clock: Clock
  readonly dhcp: DhcpClients
  readonly tftp: TftpClient
  readonly dns: DnsClient
  /** Absent if no node boots over IPv6. */
  readonly ipv6?: Ipv6Network
  readonly disk: DiskFiles
}

export type Machine = {
  readonly node: NodeModel
  readonly firmware: Firmware
  /** Of the scripts that its loader reads. */
  readonly syntax: Exclude<BootSyntax, 'firmware'>
  readonly context: SimulationContext
  readonly timeline: Timeline
  /** The HTTP client of iPXE, and that of the live system. */
  readonly loader: HttpClient
  readonly system: HttpClient
}

/** A declared or undeclared machine that downloads files. */
type Downloader = Pick<Machine, 'firmware' | 'timeline'> & {
  readonly context: Pick<SimulationContext, 'model' | 'tftp' | 'disk'>
}

/** Requests a lease; offer and ACK must have the same values. */
export async function lease({ node, context }: Machine, profile: DhcpProfile): Promise<Lease> {
  const result = await context.dhcp.exchange(profile, node.mac)
  checkLease(result.offer, node, context.model, false)
  checkLease(result.ack, node, context.model, false)
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
 * @param checkOffer check of the client for an offer with a lease
 */
export async function requestBootFile(
  machine: Machine,
  profile: DhcpProfile,
  checkOffer: (offer: DhcpMessage) => void,
): Promise<BootAnswer> {
  const { context } = machine
  const node = machine.node as Ipv4Node
  if (node.subnet.dhcp === 'full') {
    const { offer, octets } = await lease(machine, profile)
    checkOffer(offer)
    return { reply: offer, leased: formatIpv4(offer.yiaddr), octets }
  }
  const replies = await context.dhcp.requestBootFile(profile, node.mac, node.address)
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

/** Simulates the boot from power-on until the loader is downloaded. */
export async function startLoader(machine: Machine): Promise<void> {
  const { node, firmware } = machine
  if (bootsOverHttp(firmware))
    await fetchByHttp(machine, await askHttpDhcp(machine), loaderOf(node, firmware))
  else {
    const file = await askPxeDhcp(machine)
    // Firmware that gets a directory reads the decision there itself, which only the node may request.
    if (!file.endsWith('/')) await fetchByTftp(machine, file)
  }
}

async function askPxeDhcp(machine: Machine): Promise<string> {
  const { node, firmware, context } = machine
  return machine.timeline.step('DHCP firmware', async () => {
    const { reply, leased, octets } = await requestBootFile(machine, firmwareProfile(firmware), checkPxeOffer)
    const file = bootFileOf(reply)
    const wanted = firmware === 'ppc64le' ? silentBootFile(node) : loaderOf(node, firmware)
    if (file !== wanted) throw wrongBootFile(wanted, file, node)
    const { address } = context.model.endpoint
    if (reply.siaddr !== address) {
      throw new BootProblem(`next server ${formatIpv4(address)}`, formatIpv4(reply.siaddr), 'server.address')
    }
    return { value: file, octets, text: `${leased}, ${file}` }
  })
}

async function askHttpDhcp(machine: Machine): Promise<string> {
  const { node, firmware, context } = machine
  return machine.timeline.step('DHCP firmware', async () => {
    const { reply, leased, octets } = await requestBootFile(
      machine,
      firmwareProfile(firmware),
      checkHttpOffer,
    )
    const url = bootFileOf(reply)
    const wanted = absoluteUrl(context.model.endpoint, urlPaths.loader(loaderOf(node, firmware)))
    if (url !== wanted) throw wrongBootFile(wanted, url, node)
    return { value: url, octets, text: `${leased}, its loader's URL` }
  })
}

export async function fetchByHttp(
  { context, timeline }: Downloader,
  url: string,
  loader: LoaderName | ImageLoaderName,
): Promise<void> {
  const client = openHttpClient('UefiHttpBoot/1.0 (slipway simulate)')
  try {
    await timeline.step('HTTP loader', async () => {
      // OVMF allocates memory for the length in the response to HEAD, then downloads the file.
      const announced = await client.size(url)
      const sent = await client.fetch(url)
      if (announced !== sent.octets) {
        const expected = `${announced} bytes, the length in the response to HEAD ${url}`
        throw new BootProblem(expected, `${sent.octets}`, 'the server, and report this bug')
      }
      await context.disk.compare(sent, loaderFact(context.model.facts, loader))
      return { value: undefined, octets: sent.octets, text: pathOf(url) }
    })
  } finally {
    client.close()
  }
}

export async function fetchByTftp(
  { firmware, context, timeline }: Downloader,
  file: string,
  client = context.tftp,
): Promise<void> {
  await timeline.step('TFTP loader', async () => {
    // OVMF requests the size, aborts, and starts again. The block sizes are those of OVMF and of BIOS ROMs.
    const wanted: [string, string][] =
      firmware === 'bios' ? [['blksize', '1456']] : [['blksize', '1468'], ['windowsize', '4']] // prettier-ignore
    const size = await probeSize(client, { file, options: new Map([['tsize', '0'], ...wanted]) })
    const sent = await readFile(client, { file, options: new Map(wanted) })
    if (size !== sent.octets) {
      throw new BootProblem(
        `${size} bytes, the tsize of ${file}`,
        `${sent.octets}`,
        'the server, and report this bug',
      )
    }
    await context.disk.compare(sent, loaderFact(context.model.facts, file))
    const window = sent.windowsize === 1 ? '' : ` x ${sent.windowsize}`
    return { value: undefined, octets: sent.octets, text: `${file} by ${sent.blksize}${window}` }
  })
}

export function loaderOf(
  node: Pick<NodeModel, 'loader' | 'image'>,
  firmware: Firmware,
): LoaderName | ImageLoaderName {
  if (firmware === 'bios') return bios(node)
  return firmware.startsWith('arm64') ? arm64(node) : x64(node)
}

function loaderFact({ loaders, images }: Facts, name: string): FileFact | undefined {
  const [directory = '', file = ''] = name.split('/')
  return loaders.get(name as LoaderName) ?? images.get(directory.replace(/^image-/, ''))?.signed?.get(file)
}

export function fileName(url: string): string {
  return decodeURIComponent(url.slice(url.lastIndexOf('/') + 1))
}

/** Downloads a file and compares it with the one on the disk of the server. */
export async function fetchFile(
  { context, timeline }: Omit<Downloader, 'firmware'>,
  client: HttpClient,
  step: string,
  url: string,
  fact: FileFact | undefined,
): Promise<void> {
  await timeline.step(step, async () => {
    const sent = await client.fetch(url)
    await context.disk.compare(sent, fact)
    return { value: undefined, octets: sent.octets, text: fileName(url) }
  })
}
