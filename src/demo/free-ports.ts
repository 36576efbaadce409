/** Ports for a demo without root: the default ports plus an offset, all five free. */
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { Sockets } from '../host/udp.ts'
import { CannotListen } from '../host/cannot-listen.ts'
import type { Site } from '../site/schema.ts'

type Ports = Site['server']['ports']

const defaults: Ports = { dhcp: 67, dhcpClient: 68, tftp: 69, http: 80, dns: 53 }

/** Below the ports that Linux uses for outgoing connections (32768 and up). */
const demoOffsets = [20_000, 21_000, 22_000, 23_000, 24_000, 25_000, 26_000, 27_000, 28_000, 29_000]

/**
 * Returns the first set of free ports, and the ports of earlier sets that are in use; `undefined` when no set is free.
 *
 * @param offsets the offsets to try, in order
 */
export async function choosePorts(
  sockets: Pick<Sockets, 'bindUdp'>,
  offsets: readonly number[] = demoOffsets,
): Promise<{ readonly ports: Ports; readonly taken: readonly number[] } | undefined> {
  const taken: number[] = []
  for (const offset of offsets) {
    const ports = Object.fromEntries(
      Object.entries(defaults).map(([name, port]) => [name, port + offset]),
    ) as Ports
    const inUse = await portsInUse(ports, sockets)
    if (inUse.length === 0) return { ports, taken }
    taken.push(...inUse)
  }
  return undefined
}

async function portsInUse(ports: Ports, sockets: Pick<Sockets, 'bindUdp'>): Promise<number[]> {
  const { dhcp, dhcpClient, tftp, dns, http } = ports
  const inUse = new Set<number>()
  for (const port of [dhcp, dhcpClient, tftp, dns]) {
    if (!(await isUdpFree(port, sockets))) inUse.add(port)
  }
  for (const port of [http, dns]) {
    if (!(await isTcpFree(port))) inUse.add(port)
  }
  return [...inUse]
}

async function isUdpFree(port: number, sockets: Pick<Sockets, 'bindUdp'>): Promise<boolean> {
  try {
    await (await sockets.bindUdp({ address: '0.0.0.0', port })).close()
    return true
  } catch (error) {
    if (error instanceof CannotListen) return false
    throw error
  }
}

async function isTcpFree(port: number): Promise<boolean> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
