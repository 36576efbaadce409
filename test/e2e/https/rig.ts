/**
 * The environment of the checks of HTTPS: the network, the live system, and the coreos-installer of the complete installation
 * (test/e2e/real), with a slipway that has `server.tls`. No control plane runs: a node counts as installed when its
 * live system reports that the disk is written.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { start, type Running } from '../process.ts'
import { buildImages } from '../real/images.ts'
import { buildKubernetes } from '../real/kubernetes.ts'
import { createMachine, type Machine } from '../real/machine.ts'
import {
  addresses,
  createRealNetwork,
  nodes,
  probe,
  type RealNetwork,
  type RealNode,
  type RealNamespace,
} from '../real/network.ts'
import { startServer, type Server } from '../server.ts'

/** In every Ignition file, many times, so that a packet contains a whole one. */
export const secret = 'this-is-the-pull-secret-of-the-cluster'

export type HttpsRig = {
  readonly dir: string
  readonly network: RealNetwork
  /** The slipway that serves now. */
  server: Server
  /** Directory of the site that is served now. */
  siteDir: string
  /** Ends slipway and starts it with another site. */
  serve(name: string, tls: string): Promise<void>
  /** Runs a command in the background until the rig is closed. */
  start(namespace: RealNamespace, name: string, command: readonly string[]): Running
  /** Starts a capture of all packets on the bridge. */
  capture(name: string): Promise<Capture>
  machine(node: RealNode): Promise<Machine>
  close(): Promise<void>
}

export type Capture = {
  /** Ends the capture and returns its packets. */
  packets(): Promise<Buffer>
}

export async function createHttpsRig(workDir: string): Promise<HttpsRig> {
  const imagesDir = await buildImages(await buildKubernetes())
  const dir = join(workDir, 'https')
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  const network = await createRealNetwork()
  const running: Running[] = []
  const machines: Machine[] = []
  const startIn: HttpsRig['start'] = (namespace, name, command) => {
    const child = start(network.inside(namespace, ...command), { logFile: join(dir, `${name}.log`) })
    running.push(child)
    return child
  }
  const startSite = async (name: string, tls: string) => {
    const siteDir = join(dir, name)
    const sitePath = await writeSite(siteDir, imagesDir, tls)
    const server = await startServer(network, sitePath, join(dir, `${name}.log`), { namespace: 'appliance' })
    running.push(server.process)
    return { server, siteDir }
  }
  const close = async (): Promise<void> => {
    for (const machine of machines) await machine.powerOff()
    await Promise.all(running.map((child) => child.stop()))
    await network.close()
  }
  try {
    const first = await startSite('secure', 'tls: { ca: generated }')
    const rig: HttpsRig = {
      ...first,
      dir,
      network,
      start: startIn,
      async serve(name, tls) {
        await rig.server.process.stop()
        Object.assign(rig, await startSite(name, tls))
      },
      async capture(name) {
        const file = join(dir, `${name}.pcap`)
        const options = ['-i', 'br0', '-U', '-n', '--immediate-mode', '-Z', 'root', '-w', file]
        const child = startIn('bridge', `tcpdump-${name}`, ['tcpdump', ...options, 'tcp'])
        await sleep(1000)
        return {
          async packets() {
            await child.stop()
            return readFile(file)
          },
        }
      },
      async machine(node) {
        const machine = await createMachine(join(dir, `machine-${node.name}`), network, {
          node,
          firmware: 'bios',
        })
        machines.push(machine)
        return machine
      },
      close,
    }
    return rig
  } catch (error) {
    await close()
    throw error
  }
}

/** Three clusters, each with an Ignition directory of its own. Any client reads the file of the last one. */
async function writeSite(dir: string, imagesDir: string, tls: string): Promise<string> {
  const source = `data:,${Array.from({ length: 100 }, () => secret).join('%20')}`
  const contents = { path: '/etc/secret', mode: 0o600, contents: { source } }
  const file = JSON.stringify({ ignition: { version: '3.2.0' }, storage: { files: [contents] } })
  const cluster = (name: string, address: string, node: string, more = ''): string => `\
  - name: ${name}
    domain: example.localdomain
    image: rhcos-4.17
    ignition: ${name}
    disk: /dev/sda
    loadBalancer: { api: ${address}, ingress: ${address} }
    console: [ttyS0]
    kernelArguments: [mitigations=off]
${more}    nodes: [${node}]
`
  const worker = ({ name, mac, address }: RealNode): string =>
    `{ name: ${name}, role: worker, mac: "${mac}", address: ${address} }`
  const open = `{ name: p1, role: worker, mac: "${probe.mac}", address: ${probe.address} }`
  for (const name of ['kept', 'changed', 'open']) {
    await mkdir(join(dir, name), { recursive: true })
    await writeFile(join(dir, name, 'worker.ign'), file, { mode: 0o600 })
  }
  const text = `\
site: https
server: { interface: srv0, address: ${addresses.appliance}, ${tls} }
subnets:
  - { cidr: 172.16.0.0/24, gateway: ${addresses.appliance} }
images:
  rhcos-4.17: { dir: ${JSON.stringify(imagesDir)} }
clusters:
${cluster('kept', '172.16.0.111', worker(nodes.w1))}${cluster('changed', '172.16.0.112', worker(nodes.w2))}${cluster('open', '172.16.0.113', open, '    ignitionAccess: open\n')}`
  const path = join(dir, 'site.yaml')
  await writeFile(path, text)
  return path
}
