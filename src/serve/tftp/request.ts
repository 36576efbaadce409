/**
 * Checks a request packet (the normalized file name, or an ERROR and its reason), and decides which options its transfer
 * is granted. Pure.
 */
import { ErrorCode, type TftpOptions, type TftpRequest } from '../../proto/tftp/packet.ts'
import type { TftpCode } from './codes.ts'
import { cidrContains, parseCidr, parseIpv4, type Cidr } from '../../proto/address/ip.ts'
import { isInNetworks } from '../../proto/address/network6.ts'
import type { TftpPlan } from '../../plan/tftp.ts'

export type ReadRequest = {
  readonly kind: 'read'
  /** From {@link readName}. */
  readonly name: string
  readonly mode: 'octet' | 'netascii'
  readonly options: TftpOptions
}

type RequestCheck =
  | ReadRequest
  /** `message` goes to the client in an ERROR with `errorCode`, and to the log as the reason. */
  | {
      readonly kind: 'refuse'
      readonly code: TftpCode
      readonly errorCode: number
      readonly message: string
    }

/**
 * @param isClient whether the site serves clients with this address
 * @param busy why no transfer can start now; `undefined` when one can
 */
export function checkRequest(
  { kind, file, mode, options, problem }: TftpRequest,
  isClient: boolean,
  busy: string | undefined,
): RequestCheck {
  // Shorter than any request: a forger cannot use the server against a machine outside of the site.
  if (!isClient) return refuse('tftp.other-network', ErrorCode.accessViolation, 'not a client')
  if (problem !== undefined) return refuse('tftp.malformed', ErrorCode.illegalOperation, problem)
  if (kind === 'wrq') return refuse('tftp.read-only', ErrorCode.accessViolation, 'files are read-only')
  // RFC 1350 §1: mode mail "should not be implemented or used".
  if (mode !== 'octet' && mode !== 'netascii') {
    const message = 'only the modes octet and netascii are supported'
    return refuse('tftp.unsupported-mode', ErrorCode.illegalOperation, message)
  }
  const reading = readName(file)
  if (reading.kind === 'refused') {
    return refuse('tftp.invalid-name', ErrorCode.accessViolation, reading.reason)
  }
  if (busy !== undefined) return refuse('tftp.too-many-transfers', ErrorCode.notDefined, busy)
  return { kind: 'read', name: reading.name, mode, options }
}

function refuse(code: TftpCode, errorCode: number, message: string): RequestCheck {
  return { kind: 'refuse', code, errorCode, message }
}

/** Returns a key of the request: the same key from the same client is a retransmission. */
export function requestText({ kind, file, mode, options }: TftpRequest): string {
  return [kind, file, mode, ...[...options].flat()].join('\0')
}

type NameReading =
  | { readonly kind: 'name'; readonly name: string }
  /** `reason` goes to the client and to the log. */
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * Normalizes a requested name to a relative path of components joined by `/`. Firmware and Windows tools add a
 * leading slash, backslashes, and `.`, which are removed.
 *
 * Some UEFI firmware reads option 67 up to the next zero octet, so that DHCP's END option, 0xff, follows the name
 * (Lenovo T460 and others, netboot.xyz issue 1198, fixture lenovo-t460). 0xff is not UTF-8, so no valid name has it.
 */
export function readName(requested: string): NameReading {
  const text = requested.replace(/\ufffd+$/, '')
  // eslint-disable-next-line no-control-regex -- finds control characters
  if (/[\u0000-\u001f\u007f]/.test(text)) return refused('the name contains a control character')
  const parts = text.split(/[/\\]+/).filter((part) => part !== '' && part !== '.')
  if (parts.length === 0) return refused('the name is empty')
  if (parts.includes('..')) return refused('the name leads out of the served directory')
  if (parts.some((part) => part.startsWith('.'))) return refused('hidden files are not served')
  return { kind: 'name', name: parts.join('/') }
}

function refused(reason: string): NameReading {
  return { kind: 'refused', reason }
}

/** Returns the plan's entry for a name, ignoring case: firmware also requests loaders as `IPXE.EFI`. */
export function findNamed(entries: ReadonlyMap<string, string>, name: string): string | undefined {
  const lower = name.toLowerCase()
  for (const [known, entry] of entries) if (known.toLowerCase() === lower) return entry
  return undefined
}

/** Returns up to five similar names: the same base name in another directory, or one name containing the other. */
export function similarNames(name: string, names: Iterable<string>): string[] {
  const wanted = stem(name)
  const similar = [...names].filter((known) => {
    const candidate = stem(known)
    return candidate.includes(wanted) || wanted.includes(candidate)
  })
  return similar.slice(0, 5)
}

/** Returns the lower-case base name without extensions: `efi/iPXE.efi` becomes `ipxe`. */
function stem(name: string): string {
  const base = name.slice(name.lastIndexOf('/') + 1).toLowerCase()
  const dot = base.indexOf('.')
  return dot > 0 ? base.slice(0, dot) : base
}

// Decides what a transfer is granted: the options blksize (RFC 2348), timeout and tsize (RFC 2349), and windowsize
// (RFC 7440), and how many transfers there can be. Unknown options and values out of range are refused by leaving
// them out of the OACK (RFC 2347); without any granted option there is no OACK.

export type Agreement = {
  readonly blockOctets: number
  readonly windowBlocks: number
  /** Seconds between retransmissions if the client requested them; `undefined`: the server decides. */
  readonly timeoutSeconds: number | undefined
  /** The options of the OACK, in the client's order; empty: no OACK. */
  readonly granted: TftpOptions
}

/** RFC 1350 §2; RFC 7440 §3: without the option, every block is acknowledged. */
const defaults = { blockOctets: 512, windowBlocks: 1 }

/** 20 IPv4, 8 UDP, 4 TFTP header. */
const headerOctets = 32
/** An IPv6 header is this much longer. */
const ipv6HeaderOctets = 20

/**
 * A larger block than the MTU allows would be sent as fragments, and the loss of one would lose the block. RFC 2348 lets
 * a server grant less than requested. Firmware does not request more than Ethernet allows: OVMF 1468, iPXE 1432.
 */
const ethernetMtu = 1500

/** Bounds that depend on the client and the port of the transfer; see {@link limitsFor}. */
export type AgreementLimits = {
  readonly maxWindowBlocks: number
  /** After this time without progress the transfer ends. */
  readonly maxSilentMs: number
  readonly maxBlockOctets: number
}

/**
 * A burst of 64 blocks of 1468 octets fits Linux's default receive buffer (208 KiB); OVMF requests 4.
 * With the back-off of transfer.ts: blocks are sent again after 1, 2, 4, 8, 8, and 8 s; the end is after 31 s.
 */
export const defaultLimits: AgreementLimits = {
  maxWindowBlocks: 64,
  maxSilentMs: 30_000,
  maxBlockOctets: ethernetMtu - headerOctets,
}

/** @param fileOctets the size of the file for tsize; `undefined` when it is not known in advance (netascii) */
export function negotiate(
  requested: TftpOptions,
  fileOctets: number | undefined,
  limits: AgreementLimits = defaultLimits,
): Agreement {
  let { blockOctets, windowBlocks } = defaults
  let timeoutSeconds: number | undefined
  const granted = new Map<string, string>()
  for (const [name, text] of requested) {
    const value = parseDecimal(text)
    if (value === undefined) continue
    if (name === 'blksize' && value >= 8 && value <= 65_464) {
      blockOctets = Math.min(value, limits.maxBlockOctets)
      granted.set(name, String(blockOctets))
    } else if (name === 'windowsize' && value >= 1 && value <= 65_535) {
      windowBlocks = Math.min(value, limits.maxWindowBlocks)
      granted.set(name, String(windowBlocks))
    } else if (name === 'timeout' && value >= 1 && value <= 255) {
      timeoutSeconds = value // RFC 2349: "must match the value specified by the client"
      granted.set(name, String(value))
    } else if (name === 'tsize' && fileOctets !== undefined) {
      granted.set(name, String(fileOctets))
    }
  }
  return { blockOctets, windowBlocks, timeoutSeconds, granted }
}

/** Parses decimal digits without sign or blanks; returns `undefined` for anything else. */
function parseDecimal(text: string): number | undefined {
  return /^0*\d{1,15}$/.test(text) ? Number(text) : undefined
}

const loopback = parseCidr('127.0.0.0/8') as Cidr

// A client with many requests, from new ports or with forged addresses, must not use up the transfers of declared
// nodes, and the server must not amplify what a forger sends.

/** `node`: a declared address; `local`: on a subnet of the site, or this machine; `outside`: any other. */
type ClientClass = 'node' | 'local' | 'outside'

export function classOf({ nodeByAddress, networks, ipv6 }: ClassPlan, address: string): ClientClass {
  if (nodeByAddress.has(address)) return 'node'
  return isInNetworks([...networks, loopback], address) || isInIpv6(ipv6, address) ? 'local' : 'outside'
}

/** Whether clients with this address are served: nodes, the subnets, this machine, and the networks that the site names. */
export function isClient(plan: ClassPlan & Pick<TftpPlan, 'clients'>, address: string): boolean {
  return classOf(plan, address) !== 'outside' || isInNetworks(plan.clients ?? [], address)
}

function isInIpv6(ipv6: TftpPlan['ipv6'], address: string): boolean {
  return ipv6 !== undefined && (address === ipv6.address || isInNetworks(ipv6.networks, address))
}

type ClassPlan = Pick<TftpPlan, 'nodeByAddress' | 'networks' | 'ipv6'>

/** A transfer in progress. */
export type Occupant = { readonly address: string; readonly class: ClientClass }

/** Enough for a rack of 1,000 nodes that are switched on together. */
const maxTransfers = 1024
/** All addresses together that do not belong to declared nodes. */
const maxTransfersUndeclared = 256
/** Firmware has one, or two if it requests the size first; an administrator's machine can have more. */
const maxTransfersOfClient = 16
const maxTransfersOutside = 32
const maxTransfersOfClientOutside = 4

/** Why a request must wait, and the transfers that count for this limit: one of them can be ended instead. */
export type Busy = { readonly reason: string; counts(occupant: Occupant): boolean }

/** Explains why a request from `address` must wait; returns `undefined` when its transfer can start. */
export function whyBusy(
  plan: ClassPlan & Pick<TftpPlan, 'transfers'>,
  address: string,
  occupants: readonly Occupant[],
): Busy | undefined {
  const { transfers } = plan
  const max =
    transfers.kind === 'range' ? Math.min(maxTransfers, transfers.to - transfers.from + 1) : maxTransfers
  const maxUndeclared = Math.min(maxTransfersUndeclared, Math.floor(max / 2))
  const client = classOf(plan, address)
  // Behind NAT many machines share one undeclared address, for which the request port is used.
  const isNat = client !== 'node' && transfers.kind === 'single'
  const maxOfClient = isNat
    ? maxUndeclared
    : Math.min(client === 'outside' ? maxTransfersOfClientOutside : maxTransfersOfClient, Math.floor(max / 4))

  const limit = (most: number, counts: Busy['counts'], of: string, advice = ', try again later') => {
    const count = occupants.filter(counts).length
    return count >= most ? { reason: `${count} transfers${of} are in progress${advice}`, counts } : undefined
  }
  return (
    limit(maxOfClient, (each) => each.address === address, ` to ${address}`, '') ??
    (client === 'outside' && !isNat
      ? limit(maxTransfersOutside, (each) => each.class === 'outside', ' to addresses outside the subnets')
      : undefined) ??
    (client === 'node'
      ? undefined
      : limit(maxUndeclared, (each) => each.class !== 'node', ' to undeclared addresses')) ??
    limit(max, () => true, '')
  )
}

/**
 * Twice the octets of an Ethernet frame with a full block (1468 octets of data) for each octet of a frame with an ACK: a
 * block can be sent again.
 */
const acksOfBlock = 64

/**
 * With the request port, a forger's ACK leads to a block, so the block is smaller: 23 octets on the link for each octet of
 * the forger. dnsmasq sends 28.
 */
const blindBlockOctets = 1024

/**
 * Returns what a transfer may be granted. An ACK proves that the client is at its address only if a forger cannot guess
 * the port of the transfer. With the request port a forger knows it, so each ACK leads to one block, and fewer blocks are
 * sent again. With a range a forger has to send an ACK to each port. A block on the link is about as long as 32 ACKs, so
 * a window of one block for 64 ports sends a forger's victim no more than the forger sends. Clients outside the subnets
 * get one block for each ACK.
 */
export function limitsFor(
  plan: ClassPlan & Pick<TftpPlan, 'transfers' | 'mtus'>,
  address: string,
  interfaceMtu?: number,
): AgreementLimits {
  const { transfers } = plan
  const limits = { ...defaultLimits, maxBlockOctets: blockOctetsFor(plan, address, interfaceMtu) }
  if (transfers.kind === 'single') {
    const maxBlockOctets = Math.min(limits.maxBlockOctets, blindBlockOctets)
    return { maxBlockOctets, maxWindowBlocks: 1, maxSilentMs: 10_000 }
  }
  if (classOf(plan, address) === 'outside') return { ...limits, maxWindowBlocks: 1 }
  if (transfers.kind === 'any') return limits
  const balanced = Math.floor((transfers.to - transfers.from + 1) / acksOfBlock)
  return { ...limits, maxWindowBlocks: Math.max(1, Math.min(limits.maxWindowBlocks, balanced)) }
}

/** Returns the largest block that reaches a client unfragmented: by the MTU of its subnet and of this machine. */
function blockOctetsFor(
  { mtus }: Pick<TftpPlan, 'mtus'>,
  address: string,
  interfaceMtu = ethernetMtu,
): number {
  const value = mtus.length === 0 ? undefined : parseIpv4(address)
  const subnet = value === undefined ? undefined : mtus.find(({ network }) => cidrContains(network, value))
  const header = address.includes(':') ? headerOctets + ipv6HeaderOctets : headerOctets
  return Math.min(subnet?.mtu ?? ethernetMtu, interfaceMtu, ethernetMtu) - header
}
