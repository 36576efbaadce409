/**
 * The environment of the complete installation: tools and images from the cache, the network, the control plane, and
 * slipway with a real HAProxy, as an administrator starts them. Created before the first check, removed after the last.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { waitUntil } from '../checks/client.ts'
import { output, run, start, type Ended, type Running } from '../process.ts'
import { controlSocket, slipway, startServer, withResolver, type Server } from '../server.ts'
import { createAccount, type Account } from './account.ts'
import {
  createControlPlane,
  removeBootstrap,
  startMachineConfigServer,
  type ControlPlane,
} from './control-plane.ts'
import { buildImages } from './images.ts'
import { buildKubernetes } from './kubernetes.ts'
import { createMachine, type Machine, type MachineFirmware } from './machine.ts'
import {
  addresses,
  createRealNetwork,
  domain,
  routerInterface,
  type RealNetwork,
  type RealNamespace,
  type RealNode,
} from './network.ts'
import { createRealSite, type RealSite } from './site.ts'

export type RealRig = {
  readonly dir: string
  readonly network: RealNetwork
  readonly controlPlane: ControlPlane
  readonly site: RealSite
  readonly account: Account
  /** The running slipway. */
  server: Server
  /** Ends slipway with a signal and starts it again. */
  restart(signal: NodeJS.Signals, options?: { readonly between?: () => Promise<void> }): Promise<void>
  /** Runs a slipway command against the running slipway, and returns its output. @throws {Error} if it fails */
  slipway(...args: string[]): Promise<string>
  /** Runs a slipway command, with the name server of the appliance, and accepts any exit code. */
  run(command: readonly string[], limitMs?: number): Promise<Ended>
  start(namespace: RealNamespace, name: string, command: readonly string[]): Running
  /** Returns the machine of a node, which is created at the first call. */
  machine(node: RealNode, firmware?: MachineFirmware): Promise<Machine>
  /** Removes the bootstrap stand-in. */
  removeBootstrap(): Promise<void>
  /** Stops all processes and removes the network; never rejects. */
  close(): Promise<void>
}

export async function createRealRig(workDir: string): Promise<RealRig> {
  const kubernetes = await buildKubernetes()
  const imagesDir = await buildImages(kubernetes)
  const dir = join(workDir, 'real')
  await rm(dir, { recursive: true, force: true })
  await mkdir(join(dir, 'site'), { recursive: true })
  const network = await createRealNetwork()
  const running: Running[] = []
  const machines = new Map<string, Promise<Machine>>()
  const startIn: RealRig['start'] = (namespace, name, command) => {
    const child = start(network.inside(namespace, ...command), { logFile: join(dir, `${name}.log`) })
    running.push(child)
    return child
  }
  const close = async (): Promise<void> => {
    for (const machine of machines.values()) await (await machine).powerOff()
    await Promise.all(running.map((child) => child.stop()))
    await network.close()
  }
  try {
    const account = createAccount()
    await announceRouter(dir, startIn)
    account.say('etcd and the API server start')
    const controlPlane = await createControlPlane(dir, kubernetes, { network, start: startIn })
    await startMachineConfigServer(controlPlane, startIn)
    const site = await createRealSite(join(dir, 'site'), imagesDir, controlPlane.authority.certificate)

    // Everything that slipway may do in the cluster is in this manifest.
    const rbac = await output([...slipway('render', '--site', site.sitePath, 'rbac')])
    await controlPlane.apply(rbac)
    const token = await controlPlane.tokenKubeconfig(`api.${domain}`, 'slipway', 'slipway')
    await writeFile(site.kubeconfigPath, token, { mode: 0o600 })

    const resolver = join(dir, 'resolv.conf')
    await writeFile(resolver, `nameserver ${addresses.appliance}\n`)
    const log = join(dir, 'slipway.log')
    let starts = 0
    const serve = async (): Promise<Server> => {
      const file = starts++ === 0 ? log : join(dir, `slipway-${starts}.log`)
      const started = await startServer(network, site.sitePath, file, { namespace: 'appliance', resolver })
      running.push(started.process)
      account.follow(started)
      return started
    }
    account.say('slipway starts with the service account of "slipway render rbac"')
    const server = await serve()
    await waitUntil('slipway to write the configuration of HAProxy', async () => {
      return (await run(['test', '-s', site.haproxyPath])).status === 0
    })
    const haproxy = ['haproxy', '-W', '-db', '-S', join(site.dir, 'haproxy-master.sock')]
    startIn('appliance', 'haproxy', [...haproxy, '-f', site.haproxyPath])

    const control = controlSocket(site.sitePath)
    const inAppliance = (command: readonly string[]): string[] =>
      network.inside('appliance', ...withResolver(resolver), ...command)
    const rig: RealRig = {
      dir,
      network,
      controlPlane,
      site,
      account,
      server,
      close,
      start: startIn,
      async restart(signal, { between } = {}) {
        rig.server.process.signal(signal)
        await rig.server.process.ended
        await between?.()
        rig.server = await serve()
      },
      slipway: (...args) =>
        output(inAppliance([...slipway(...args), '--control', control]), { limitMs: 60_000 }),
      run: (command, limitMs = 60_000) => run(inAppliance(command), { limitMs }),
      machine(node, firmware = 'uefi') {
        const machine =
          machines.get(node.name) ??
          createMachine(join(dir, `machine-${node.name}`), network, {
            node,
            firmware,
            onConsole: (text, atMs) => account.console(node.name, text, atMs),
          })
        machines.set(node.name, machine)
        return machine
      },
      removeBootstrap: () => removeBootstrap(network),
    }
    return rig
  } catch (error) {
    await close()
    throw error
  }
}

/** iPXE of Debian waits 15 s for an IPv6 router. A router advertisement with lifetime 0 ends the wait. */
async function announceRouter(dir: string, startIn: RealRig['start']): Promise<void> {
  const file = join(dir, 'radvd.conf')
  const settings = 'AdvSendAdvert on; AdvDefaultLifetime 0; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;'
  await writeFile(file, `interface ${routerInterface} { ${settings} };\n`)
  startIn('router', 'radvd', ['radvd', '-n', '-m', 'stderr', '-C', file, '-p', join(dir, 'radvd.pid')])
}
