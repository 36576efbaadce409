/**
 * Whether a client is the node that it claims to be: it has the address of the node, and on a directly attached network
 * also its MAC address. An address alone does not prove it, because any machine on the network can add it to an interface.
 */
import type { ReadNeighbor } from '../../host/neighbors.ts'
import type { BootEntry } from '../../plan/http/plan.ts'
import type { HttpCode } from './codes.ts'
import type { Exchange } from './request-context.ts'

export type Mismatch = {
  readonly code: HttpCode
  /** The text for the console of the machine. */
  readonly sentence: string
  /** The text for the log. */
  readonly reason: string
}

/** @returns nothing for the node itself, for this machine, and for open clusters */
export function checkAddress({ node, isLocal, address }: Exchange, entry: BootEntry): Mismatch | undefined {
  if (entry.isOpen || node === entry.key || isLocal) return undefined
  return {
    code: 'boot.not-the-node',
    sentence: `refused: this machine has the address ${address}, which is not that of the node`,
    reason: `${address} is not an address of ${entry.key}`,
  }
}

/**
 * {@link checkNeighbor} for the live system. Its address can be on a bond, whose MAC address is that of any of its
 * interfaces; then only the address and the token of the installation count.
 */
export async function checkLiveNeighbor(
  exchange: Exchange,
  entry: BootEntry,
  readNeighbor: ReadNeighbor,
): Promise<Mismatch | undefined> {
  return entry.usesVirtualInterface ? undefined : checkNeighbor(exchange, entry, readNeighbor)
}

/**
 * Compares the neighbor entry of the client with the declared MAC address. Behind a router, over IPv6, and without a
 * complete entry nothing is known, so nothing is refused here.
 */
export async function checkNeighbor(
  { node, address }: Exchange,
  entry: BootEntry,
  readNeighbor: ReadNeighbor,
): Promise<Mismatch | undefined> {
  if (entry.isOpen || node !== entry.key) return undefined
  const mac = await readNeighbor(address)
  if (mac === undefined || mac === entry.mac) return undefined
  return {
    code: 'boot.wrong-mac',
    sentence: `refused: this machine has the MAC address ${mac}, which is not the declared one: boot from the declared interface, or correct mac in the site file`,
    reason: `${address} has the MAC address ${mac}, but ${entry.key} is declared with ${entry.mac}: boot from the declared interface, correct mac in the site file, or give a bond the declared MAC address`,
  }
}
