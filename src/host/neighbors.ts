/**
 * The kernel's neighbor table (arp(7)): the MAC address of a peer on a local network, and the destinations that the
 * kernel can reach at once. A machine that sends a unicast to this server first requests its address by ARP, so the
 * machine's own address is in the table; an address that no machine uses never is.
 */
import { openSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import type { Clock } from './clock.ts'

/** Works where systemd hides the rest of /proc, too (ProcSubset=pid). */
const tablePath = '/proc/self/net/arp'

const entry = /^(\S+) +0x[0-9a-f]+ +(0x[0-9a-f]+) +([0-9a-f:]+) /gim

/** ATF_COM of linux/if_arp.h: the hardware address is known. */
const completeFlag = 0x2

/** Returns the MAC address of an IPv4 neighbor in lower case; nothing when the kernel does not have it. */
export type ReadNeighbor = (address: string) => Promise<string | undefined>

/** Many nodes request their scripts at once, and each read of the table takes a system call for every page of it. */
const maxCopyAgeMs = 50

/** @returns a reader that uses one copy of the table for up to {@link maxCopyAgeMs} */
export function createReadNeighbor(
  clock: Pick<Clock, 'monotonic'>,
  readTable: () => Promise<string> = () => readFile(tablePath, 'utf8').catch(() => ''),
): ReadNeighbor {
  let copy: Promise<NeighborTable> | undefined
  let readAt = Number.NEGATIVE_INFINITY
  return async (address) => {
    const now = clock.monotonic()
    if (copy === undefined || now - readAt >= maxCopyAgeMs)
      [copy, readAt] = [readTable().then(parseNeighborTable), now]
    return (await copy).get(address)
  }
}

export type Neighbors = {
  /**
   * Returns `unresolved` for an address on a local network that is not in the neighbor table: the kernel would hold the
   * datagram for up to 3 s. Everything else is `reachable`.
   *
   * @param address IPv4 in dotted text; other text is `reachable`
   */
  stateOf(address: string): 'reachable' | 'unresolved'
}

/** A local network on a link with ARP, as unsigned numbers. */
type Link = { readonly network: number; readonly mask: number; readonly own: number }

export type NeighborSources = {
  /** Returns the text of the table; throws where there is none. */
  readonly table: () => string
  readonly interfaces: typeof networkInterfaces
}

/** Returns a function that reads the table. It keeps the file open, because opening it takes longer than reading it. */
export function createTableReader(): () => string {
  let descriptor: number | undefined
  let buffer = Buffer.allocUnsafe(16 * 1024)
  return () => {
    descriptor ??= openSync(tablePath, 'r')
    let length = 0
    for (let read = -1; read !== 0; length += read) {
      if (length === buffer.length) buffer = Buffer.concat([buffer], 2 * length)
      read = readSync(descriptor, buffer, length, buffer.length - length, length)
    }
    return buffer.toString('latin1', 0, length)
  }
}

const systemSources: NeighborSources = { table: createTableReader(), interfaces: networkInterfaces }

/** A machine that was switched off stays in the last copy of the table for at most this long. */
const maxTableAgeMs = 500
/** How many datagrams use one copy of the table: fewer than fit into a socket's default send buffer. */
const maxTableUses = 100
/** A new machine is found in the table after at most this time. */
const minTableAgeMs = 10
const maxInterfacesAgeMs = 10_000

export function createNeighbors(clock: Clock, sources: NeighborSources = systemSources): Neighbors {
  /** Undefined where there is no table. */
  let resolved: NeighborTable | undefined = new Map()
  let readAt = Number.NEGATIVE_INFINITY
  let uses = 0
  let links: readonly Link[] = []
  let linksReadAt = Number.NEGATIVE_INFINITY

  function readTable(now: number): void {
    readAt = now
    uses = 0
    try {
      resolved = parseNeighborTable(sources.table())
    } catch {
      resolved = undefined
    }
  }

  const isResolved = (address: string) => resolved?.has(address) ?? true

  /** Whether the address is on a local network with ARP, and is neither our own nor a broadcast address. */
  function isOnLink(address: string, now: number): boolean {
    if (now - linksReadAt >= maxInterfacesAgeMs) {
      linksReadAt = now
      links = linksOf(sources.interfaces())
    }
    const value = addressNumber(address)
    if (value === undefined) return false
    return (
      links.some(({ network, mask }) => (value & mask) >>> 0 === network) &&
      !links.some(({ network, mask, own }) => value === own || value === (network | ~mask) >>> 0)
    )
  }

  return {
    stateOf(address) {
      if (resolved === undefined) return 'reachable'
      const now = clock.monotonic()
      uses++
      if (uses > maxTableUses || now - readAt >= maxTableAgeMs) readTable(now)
      if (isResolved(address) || !isOnLink(address, now)) return 'reachable'
      if (now - readAt >= minTableAgeMs) readTable(now)
      return isResolved(address) ? 'reachable' : 'unresolved'
    },
  }
}

/** The known MAC addresses, in lower case, by IPv4 address. */
export type NeighborTable = ReadonlyMap<string, string>

/**
 * Returns the complete entries of the table. If two interfaces have an address, the first entry counts.
 *
 * @param text address, hardware type, flags, hardware address, mask, and device in each line, after the header
 */
export function parseNeighborTable(text: string): NeighborTable {
  const macs = new Map<string, string>()
  for (const [, address = '', flags, mac = ''] of text.matchAll(entry)) {
    if ((Number(flags) & completeFlag) !== 0 && !macs.has(address)) macs.set(address, mac.toLowerCase())
  }
  return macs
}

/** Interfaces without a hardware address (tunnels, loopback) do not use ARP. */
function linksOf(interfaces: ReturnType<typeof networkInterfaces>): Link[] {
  return Object.values(interfaces).flatMap((each = []) =>
    each.flatMap(({ family, mac, internal, address, netmask }) => {
      const [own, mask] = [addressNumber(address), addressNumber(netmask)]
      if (family !== 'IPv4' || internal || mac === '00:00:00:00:00:00') return []
      if (own === undefined || mask === undefined) return []
      return [{ network: (own & mask) >>> 0, mask, own }]
    }),
  )
}

function addressNumber(text: string): number | undefined {
  const parts = text.split('.')
  return parts.length === 4 ? parts.reduce((sum, part) => sum * 256 + Number(part), 0) : undefined
}
