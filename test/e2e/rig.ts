/** The environment of the checks: network, site, boot images, and server. Created before the first check, removed after the last. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createNetwork, addresses, type Network, type Namespace } from './network.ts'
import { buildPayload, type Payload } from './payload.ts'
import { run, start, type Ended, type Running, type RunOptions } from './process.ts'
import { startServer, type Server } from './server.ts'
import { createSite, reloadCommand, type SiteFiles } from './site.ts'

export type Rig = {
  readonly network: Network
  readonly payload: Payload
  readonly site: SiteFiles
  readonly server: Server
  /** Directory of this run: logs, leases of clients, downloads. */
  readonly dir: string
  /** The master process of HAProxy writes its id to `pidFile`; each run of the reload command appends a line to `reloads`. */
  readonly haproxy: { readonly pidFile: string; readonly reloads: string }
  /** The resolvers of the office, in the order of the site. */
  readonly resolvers: readonly Running[]
  /** Runs a command in a namespace until it exits. */
  run(namespace: Namespace, command: readonly string[], options?: RunOptions): Promise<Ended>
  /** Starts a command in the background, with its output in `dir/NAME.log`. It is stopped at the end of the run. */
  start(
    namespace: Namespace,
    name: string,
    command: readonly string[],
    onLine?: (line: string) => void,
  ): Running
  /** Stops all processes and removes the network; never rejects. */
  close(): Promise<void>
}

/** @param workDir keeps packages and images between runs */
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
  const startIn: Rig['start'] = (namespace, name, command, onLine) => {
    const options = { logFile: join(dir, `${name}.log`), ...(onLine === undefined ? {} : { onLine }) }
    const child = start(network.inside(namespace, ...command), options)
    running.push(child)
    return child
  }
  const close = async (): Promise<void> => {
    await Promise.all(running.map((child) => child.stop()))
    await network.close()
  }
  try {
    capture(startIn, dir)
    const resolvers = [addresses.resolver, addresses.secondResolver].map((address) =>
      startIn('office', `resolver-${address}`, [process.execPath, stub('resolver'), address]),
    )
    const server = await startServer(network, site.sitePath, join(dir, 'slipway.log'), {
      namespace: 'server',
    })
    running.push(server.process)
    return {
      network,
      payload,
      site,
      server,
      dir,
      haproxy,
      resolvers,
      close,
      start: startIn,
      run: (namespace, command, options) => run(network.inside(namespace, ...command), options),
    }
  } catch (error) {
    await close()
    throw error
  }
}

export function stub(name: string): string {
  return join(import.meta.dirname, 'stubs', `${name}.ts`)
}

/** Captures the traffic on both bridges, to diagnose failures; for HTTP only the requests. */
function capture(startIn: Rig['start'], dir: string): void {
  const options = ['-s', '700', '-U', '-n', '--immediate-mode', '-Z', 'root']
  const connections = 'arp or udp or tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0'
  for (const [bridge, file, filter] of [
    ['br0', 'network.pcap', `${connections} or (tcp and dst net 172.16.0.96/27)`],
    ['br1', 'other-network.pcap', `${connections} or vrrp`],
  ] as const) {
    const command = ['tcpdump', '-i', bridge, ...options, '-w', join(dir, file), filter]
    startIn('bridge', `tcpdump-${bridge}`, command)
  }
}
