/**
 * The environment of machines with several disks: the live system with the real coreos-installer and Ignition, the network,
 * and slipway, without a control plane.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../process.ts'
import { buildImages } from '../real/images.ts'
import { buildKubernetes } from '../real/kubernetes.ts'
import { createMachine, type DiskIdentity, type Machine } from '../real/machine.ts'
import { addresses, createRealNetwork, nodes, type RealNetwork, type RealNode } from '../real/network.ts'
import { controlSocket, slipway, startServer, type Server } from '../server.ts'

/** Of each machine, in the order of `/dev/sda`, `/dev/sdb`, and `/dev/sdc`. */
export const diskIdentities: readonly DiskIdentity[] = [
  { serial: 'DISK-A', wwn: '0x5000c500155aaa01' },
  { serial: 'DISK-B', wwn: '0x5000c500155aaa02' },
  { serial: 'DISK-C', wwn: '0x5000c500155aaa03' },
]

export type DisksRig = {
  readonly dir: string
  readonly network: RealNetwork
  readonly server: Server
  /** Writes the site file with the disk of each node in YAML, and reloads it. */
  writeSite(disks: Readonly<Record<'w1' | 'w2', string>>): Promise<void>
  /** Runs a slipway command against the running slipway, and returns its output. @throws {Error} if it fails */
  slipway(...args: string[]): Promise<string>
  /** Returns a new machine with three disks, which is off. */
  machine(node: RealNode): Promise<Machine>
  close(): Promise<void>
}

export async function createDisksRig(workDir: string): Promise<DisksRig> {
  const imagesDir = await buildImages(await buildKubernetes())
  const dir = join(workDir, 'disks')
  await rm(dir, { recursive: true, force: true })
  await mkdir(join(dir, 'ignition'), { recursive: true })
  const role = JSON.stringify({ ignition: { version: '3.2.0' } })
  await writeFile(join(dir, 'ignition/worker.ign'), role, { mode: 0o600 })
  const sitePath = join(dir, 'site.yaml')
  const write = (disks: Readonly<Record<'w1' | 'w2', string>>) =>
    writeFile(sitePath, siteText(imagesDir, disks))
  await write({ w1: '/dev/sda', w2: '/dev/sda' })
  const network = await createRealNetwork()
  const machines: Machine[] = []
  const server = await startServer(network, sitePath, join(dir, 'slipway.log'), { namespace: 'appliance' })
  const run: DisksRig['slipway'] = (...args) => {
    const command = slipway(...args, '--control', controlSocket(sitePath))
    return output(network.inside('appliance', ...command), { limitMs: 60_000 })
  }
  return {
    dir,
    network,
    server,
    slipway: run,
    async writeSite(disks) {
      await write(disks)
      await run('reload')
    },
    async machine(node) {
      const options = { node, firmware: 'bios', disks: diskIdentities } as const
      const machine = await createMachine(join(dir, `machine-${node.name}`), network, options)
      machines.push(machine)
      return machine
    },
    async close() {
      for (const machine of machines) await machine.powerOff()
      await server.process.stop()
      await network.close()
    },
  }
}

function siteText(imagesDir: string, disks: Readonly<Record<'w1' | 'w2', string>>): string {
  const declared = [nodes.w1, nodes.w2].map(
    ({ name, mac, address }) =>
      `      - { name: ${name}, role: worker, mac: "${mac}", address: ${address}, disk: ${disks[name as 'w1']} }`,
  )
  return `\
site: disks
server: { interface: srv0, address: ${addresses.appliance} }
subnets:
  - { cidr: 172.16.0.0/24, gateway: ${addresses.appliance} }
images:
  rhcos-4.17: { dir: ${JSON.stringify(imagesDir)} }
clusters:
  - name: ocp45
    domain: example.localdomain
    image: rhcos-4.17
    ignition: ignition
    order: false
    console: [ttyS0]
    # Faster on emulated processors.
    kernelArguments: [mitigations=off]
    loadBalancer: { api: ${addresses.api}, ingress: ${addresses.api} }
    nodes:
${declared.join('\n')}
`
}
