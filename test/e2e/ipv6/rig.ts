/**
 * The environment of the checks of IPv6: a network whose nodes have only IPv6, and slipway with radvd, as an
 * administrator starts them. The kernel is a placeholder, because the boots end when it is requested.
 *
 *     server ---- bridge ---- client
 *                taps of virtual machines
 *                 |
 *                relay ------ far             a network of its own
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createNamespaces, type Namespaces } from '../namespaces.ts'
import { unpackDhclient, unpackDhcrelay } from '../payload.ts'
import { output, run, start, type Ended, type Running, type RunOptions } from '../process.ts'
import { slipway, startServer, type Server } from '../server.ts'

const namespaces = ['server', 'bridge', 'client', 'relay', 'far'] as const
export type Ipv6Namespace = (typeof namespaces)[number]

export const serverAddress6 = 'fd00:16::101'
const serverAddress4 = '172.16.0.101'
export const clientInterface = 'cli0'
export const farInterface = 'far0'
/** The relay agent: its interface and address on the network of the server, and on that of its clients. */
export const relay6 = {
  near: { name: 'rly0', address: 'fd00:16::1' },
  far: { name: 'rly1', address: 'fd00:26::1' },
} as const
/** A secondary name server, in the namespace `relay`. */
export const secondaryAddress6 = 'fd00:16::53'
export const searchDomain = 'ocp6.example.localdomain'

/** The command-line clients use the MAC address and the reservation of `client`. */
export const nodes6 = {
  pxe: { name: 'm1', mac: '52:54:00:00:06:21', address: 'fd00:16::21', tap: 'tap0' },
  http: { name: 'm2', mac: '52:54:00:00:06:22', address: 'fd00:16::22', tap: 'tap1' },
  client: { name: 'm3', mac: '52:54:00:00:06:23', address: 'fd00:16::23' },
  /** Behind the relay agent. */
  far: { name: 'm4', mac: '52:54:00:00:06:24', address: 'fd00:26::24' },
} as const

export type Ipv6Rig = {
  readonly network: Pick<Namespaces<Ipv6Namespace>, 'inside'>
  readonly server: Server
  /** Directory of this run: logs, leases of clients, captures. */
  readonly dir: string
  readonly sitePath: string
  readonly dhclient: string
  readonly dhcrelay: string
  /** What `slipway render radvd` printed. */
  readonly radvdText: string
  run(namespace: Ipv6Namespace, command: readonly string[], options?: RunOptions): Promise<Ended>
  start(
    namespace: Ipv6Namespace,
    name: string,
    command: readonly string[],
    onLine?: (line: string) => void,
  ): Running
  /** Stops all processes and removes the network; never rejects. */
  close(): Promise<void>
}

/** @param workDir keeps packages between runs */
export async function createIpv6Rig(workDir: string): Promise<Ipv6Rig> {
  const dhclient = await unpackDhclient(workDir)
  const dhcrelay = await unpackDhcrelay(workDir)
  const dir = join(workDir, 'ipv6')
  await rm(dir, { recursive: true, force: true })
  const sitePath = await createSite(join(dir, 'site'))
  const network = await createNetwork()
  const running: Running[] = []
  const startIn: Ipv6Rig['start'] = (namespace, name, command, onLine) => {
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
    startIn('bridge', 'tcpdump', [
      ...['tcpdump', '-i', 'br0', '-U', '-n', '--immediate-mode', '-Z', 'root', '-w', captureFile(dir)],
      // Not the frames of the loader, which the server sends by TFTP or HTTP.
      'udp port 67 or udp port 546 or udp port 547 or icmp6 or port 69 or port 80',
    ])
    const server = await startServer(network, sitePath, join(dir, 'slipway.log'), { namespace: 'server' })
    running.push(server.process)
    const radvdText = await output(slipway('render', '--site', sitePath, 'radvd'))
    const radvdFile = join(dir, 'radvd.conf')
    await writeFile(radvdFile, radvdText)
    startIn('server', 'radvd', [
      ...['radvd', '-n', '-m', 'stderr', '-C', radvdFile, '-p', join(dir, 'radvd.pid')],
    ])
    return {
      network,
      server,
      dir,
      sitePath,
      dhclient,
      dhcrelay,
      radvdText,
      start: startIn,
      run: (namespace, command, options) => run(network.inside(namespace, ...command), options),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The capture of the bridge, which also has the boot scripts. */
export function captureFile(dir: string): string {
  return join(dir, 'network.pcap')
}

async function createNetwork(): Promise<Namespaces<Ipv6Namespace>> {
  const network = await createNamespaces(namespaces)
  const { inside, ip, nameOf, close } = network
  try {
    for (const namespace of ['server', 'client', 'relay', 'far'] as const) {
      for (const scope of ['all', 'default']) {
        const key = `net.ipv6.conf.${scope}`
        await output(inside(namespace, 'sysctl', '-qw', `${key}.disable_ipv6=0`, `${key}.accept_dad=0`))
      }
    }
    await ip('bridge', 'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0')
    await ip('bridge', 'link set br0 up')
    for (const [namespace, name] of [
      ['server', 'srv0'],
      ['client', clientInterface],
      ['relay', relay6.near.name],
    ] as const) {
      await ip('bridge', `link add to-${namespace} type veth peer name ${name} netns ${nameOf(namespace)}`)
      await ip('bridge', `link set to-${namespace} master br0 up`)
    }
    for (const { tap } of [nodes6.pxe, nodes6.http]) {
      await ip('bridge', `tuntap add dev ${tap} mode tap`)
      await ip('bridge', `link set ${tap} master br0 up`)
    }
    await ip('client', `link set ${clientInterface} address ${nodes6.client.mac} up`)
    await ip(
      'relay',
      `link add ${relay6.far.name} type veth peer name ${farInterface} netns ${nameOf('far')}`,
    )
    for (const { name, address } of Object.values(relay6)) {
      await ip('relay', `link set ${name} up`)
      await ip('relay', `addr add ${address}/64 dev ${name} nodad`)
    }
    // Deprecated, so that the relay agent sends from its own address, which slipway knows.
    await ip('relay', `addr add ${secondaryAddress6}/64 dev ${relay6.near.name} nodad preferred_lft 0`)
    await ip('far', `link set ${farInterface} address ${nodes6.far.mac} up`)
    await ip('server', 'link set srv0 up')
    await ip('server', `addr add ${serverAddress4}/24 dev srv0`)
    await ip('server', `addr add ${serverAddress6}/64 dev srv0 nodad`)
    await ip('server', `-6 route add fd00:26::/64 via ${relay6.near.address}`)
    return network
  } catch (error) {
    await close()
    throw error
  }
}

/** Returns the path of the site file. */
async function createSite(dir: string): Promise<string> {
  const [images, ignition] = [join(dir, 'images'), join(dir, 'ignition')]
  await mkdir(images, { recursive: true })
  await mkdir(ignition)
  for (const file of ['kernel-x86_64', 'initramfs.x86_64.img', 'rootfs.x86_64.img']) {
    await writeFile(join(images, `rhcos-live-${file}`), Buffer.alloc(64 * 1024))
  }
  for (const role of ['bootstrap', 'master', 'worker']) {
    await writeFile(join(ignition, `${role}.ign`), '{"ignition":{"version":"3.2.0"}}', { mode: 0o640 })
  }
  const nodes = Object.values(nodes6).map(({ name, mac, address }) => {
    return `      - { name: ${name}, role: master, mac: "${mac}", address: "${address}" }`
  })
  const path = join(dir, 'site.yaml')
  await writeFile(
    path,
    `site: ipv6
server: { interface: srv0, address: ${serverAddress4}, address6: "${serverAddress6}" }
subnets6:
  - { cidr: "fd00:16::/64", routerAdvertisements: {} }
  - { cidr: "fd00:26::/64", relays: ["${relay6.near.address}", "${relay6.far.address}"] }
dns: { secondaries: "${secondaryAddress6}" }
images:
  rhcos: { dir: ${images} }
clusters:
  - name: ocp6
    domain: example.localdomain
    image: rhcos
    ignition: ${ignition}
    disk: /dev/vda
    loadBalancer: { api: "fd00:16::5", ingress: "fd00:16::6" }
    nodes:
${nodes.join('\n')}
`,
  )
  return path
}
