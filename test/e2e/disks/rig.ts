/**
 * The environment of machines with several disks: the live system with the real coreos-installer and Ignition, the network,
 * and slipway, without a control plane.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../process.ts'
import { controlSocket, slipway, startServer, type Server } from '../server.ts'
import { buildDisksImages } from './images.ts'
import { createDiskMachines, type DiskMachines } from './machines.ts'
import { reportIgnition, siteText, type DiskSettings } from './site.ts'

export type DisksRig = DiskMachines & {
  readonly server: Server
  /** Changes the settings of disks of these nodes in the site file, and reloads it. */
  configure(settings: DiskSettings): Promise<void>
  /** Runs a slipway command against the running slipway, and returns its output. @throws {Error} if it fails */
  slipway(...args: string[]): Promise<string>
}

export async function createDisksRig(workDir: string): Promise<DisksRig> {
  const imagesDir = await buildDisksImages()
  const rig = await createDiskMachines(workDir, 'disks')
  const { dir, network } = rig
  await mkdir(join(dir, 'ignition'))
  await writeFile(join(dir, 'ignition/worker.ign'), reportIgnition, { mode: 0o600 })
  const sitePath = join(dir, 'site.yaml')
  const settings: Record<string, string> = { w1: 'disk: /dev/sda', w2: 'disk: /dev/sda' }
  const write = async (changed: DiskSettings): Promise<void> => {
    Object.assign(settings, changed)
    await writeFile(sitePath, siteText(imagesDir, settings))
  }
  await write({})
  const server = await startServer(network, sitePath, join(dir, 'slipway.log'), { namespace: 'appliance' })
  const run: DisksRig['slipway'] = (...args) => {
    const command = slipway(...args, '--control', controlSocket(sitePath))
    return output(network.inside('appliance', ...command), { limitMs: 60_000 })
  }
  return {
    ...rig,
    server,
    slipway: run,
    async configure(changed) {
      await write(changed)
      await run('reload')
    },
    async close() {
      await rig.close()
      await server.process.stop()
    },
  }
}
