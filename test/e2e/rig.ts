/** Everything a check works with, built before the first and taken down after the last. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createNetwork, addresses, type Network, type Place } from './network.ts'
import { buildPayload, type Payload } from './payload.ts'
import { run, start, type Ended, type Running, type RunOptions } from './process.ts'
import { startServer, type Server } from './server.ts'
import { createSite, reloadCommand, type SiteFiles } from './site.ts'

export type Rig = {
  readonly network: Network
  readonly payload: Payload
  readonly site: SiteFiles
  readonly server: Server
  /** For files of this run: logs, clients' leases, downloads. */
  readonly dir: string
  /** HAProxy's master process writes its id here; each run of the site's reload command adds a line to `reloads`. */
  readonly haproxy: { readonly pidFile: string; readonly reloads: string }
  /** The office's resolvers, in the site's order. */
  readonly resolvers: readonly Running[]
  /** Runs a command in a place of the network, to its end. */
  at(place: Place, command: readonly string[], options?: RunOptions): Promise<Ended>
  /** Starts a command beside the test, with its output in `dir/NAME.log`; it is stopped when the run ends. */
  beside(place: Place, name: string, command: readonly string[], onLine?: (line: string) => void): Running
  /** Ends every process and removes the network; never rejects. */
  close(): Promise<void>
}

/** @param workDir kept between runs; packages and images stay in it */
export async function createRig(workDir: string): Promise<Rig> {
  const payload = await buildPayload(workDir)
  const dir = join(workDir, 'run')
  await rm(dir, { recursive: true, force: true })
  await mkdir(join(dir, 'site'), { recursive: true })
  const haproxy = { pidFile: join(dir, 'haproxy.pid'), reloads: join(dir, 'haproxy.reloads') }
  await writeFile(haproxy.reloads, '')
  const reload = reloadCommand(haproxy.pidFile, haproxy.reloads)
  const site = await createSite(join(dir, 'site'), payload.imagesDir, reload)

  const network = await createNetwork()
  const running: Running[] = []
  const beside: Rig['beside'] = (place, name, command, onLine) => {
    const options = { logFile: join(dir, `${name}.log`), ...(onLine === undefined ? {} : { onLine }) }
    const child = start(network.inside(place, ...command), options)
    running.push(child)
    return child
  }
  const close = async (): Promise<void> => {
    await Promise.all(running.map((child) => child.stop()))
    await network.close()
  }
  try {
    capture(beside, dir)
    const resolvers = [addresses.resolver, addresses.secondResolver].map((address) =>
      beside('office', `resolver-${address}`, [process.execPath, stub('resolver'), address]),
    )
    const server = await startServer(network, site.sitePath, join(dir, 'slipway.log'))
    running.push(server.process)
    return {
      ...{ network, payload, site, server, dir, haproxy, resolvers, beside, close },
      at: (place, command, options) => run(network.inside(place, ...command), options),
    }
  } catch (error) {
    await close()
    throw error
  }
}

export function stub(name: string): string {
  return join(import.meta.dirname, 'stubs', `${name}.ts`)
}

/** Keeps what went over the wires for whoever looks into a failure; of HTTP only the requests. */
function capture(beside: Rig['beside'], dir: string): void {
  const options = ['-s', '700', '-U', '-n', '--immediate-mode', '-Z', 'root']
  const connections = 'arp or udp or tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0'
  for (const [bridge, file, filter] of [
    ['br0', 'network.pcap', `${connections} or (tcp and dst net 172.16.0.96/27)`],
    ['br1', 'other-network.pcap', `${connections} or vrrp`],
  ] as const) {
    const command = ['tcpdump', '-i', bridge, ...options, '-w', join(dir, file), filter]
    beside('bridge', `tcpdump-${bridge}`, command)
  }
}
