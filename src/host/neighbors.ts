/**
 * The kernel's neighbor table (ARP): the MAC address of a peer on a directly attached network. The file of the
 * process works where systemd hides the rest of /proc (ProcSubset=pid).
 */
import { readFile } from 'node:fs/promises'

/** Returns the MAC address of an IPv4 neighbor in lower case; nothing when the kernel does not have it. */
export type ReadNeighbor = (address: string) => Promise<string | undefined>

/** ATF_COM of linux/if_arp.h: the entry is complete. */
const complete = 0x02

export const readNeighbor: ReadNeighbor = async (address) => {
  const table = await readFile('/proc/self/net/arp', 'utf8').catch(() => '')
  return neighborIn(table, address)
}

/** @param table the text of /proc/net/arp: address, hardware type, flags, hardware address, mask, device */
export function neighborIn(table: string, address: string): string | undefined {
  for (const line of table.split('\n').slice(1)) {
    const [ip, , flags, mac] = line.split(/\s+/)
    if (ip === address && (Number(flags) & complete) !== 0) return mac?.toLowerCase()
  }
  return undefined
}
