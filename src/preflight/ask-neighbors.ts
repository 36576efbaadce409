/** Asks the machines on the networks of this one for their MAC addresses, through the ARP requests of the kernel. */
import { createSocket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../host/clock.ts'
import { createReadNeighbor } from '../host/neighbors.ts'

/** The kernel tries each address three times within 3 s, but a machine that is on answers the first request. */
const answerMs = 1200
const addressesAtOnce = 100
/** The port of the discard service: only the ARP request before the datagram matters. */
const discardPort = 9

/** Returns the MAC address of each of these IPv4 addresses that a machine on a network of this one uses. */
export async function askNeighbors(addresses: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  const readNeighbor = createReadNeighbor(systemClock)
  const socket = createSocket('udp4')
  // A datagram that cannot be sent is an address that nothing uses.
  socket.on('error', () => undefined)
  try {
    for (let from = 0; from < addresses.length; from += addressesAtOnce) {
      const batch = addresses.slice(from, from + addressesAtOnce)
      for (const address of batch) socket.send(Uint8Array.of(), discardPort, address, () => undefined)
      await sleep(answerMs)
      for (const address of batch) {
        const mac = await readNeighbor(address)
        if (mac !== undefined) found.set(address, mac)
      }
    }
    return found
  } finally {
    socket.close()
  }
}
