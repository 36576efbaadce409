/** Ports for a demo without root: the usual ones plus a round number, all five free. */
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { Sockets } from '../host/udp.ts'
import { CannotListen } from '../host/cannot-listen.ts'
import type { Site } from '../site/schema.ts'

type Ports = Site['server']['ports']

const usual: Ports = { dhcp: 67, dhcpClient: 68, tftp: 69, http: 80, dns: 53 }

/** Below the ports that Linux gives to outgoing connections (32768 and up). */
const demoOffsets = [20_000, 21_000, 22_000, 23_000, 24_000, 25_000, 26_000, 27_000, 28_000, 29_000]

/**
 * @param offsets what is added to the usual ports, in the order in which sets are tried
 * @returns the first set that is free, and the ports before it that were taken; `undefined` when none is
 */
export async function choosePorts(
  sockets: Pick<Sockets, 'bindUdp'>,
  offsets: readonly number[] = demoOffsets,
): Promise<{ readonly ports: Ports; readonly taken: readonly number[] } | undefined> {
  const taken: number[] = []
  for (const offset of offsets) {
    const ports = Object.fromEntries(
      Object.entries(usual).map(([name, port]) => [name, port + offset]),
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
