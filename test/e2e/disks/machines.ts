/** Machines with several disks, and their network. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { buildInstalledDisk } from './images.ts'
import { createMachine, type DiskIdentity, type Machine } from '../real/machine.ts'
import { createRealNetwork, type RealNetwork, type RealNode } from '../real/network.ts'

/** Of each machine, in the order of `/dev/sda`, `/dev/sdb`, and `/dev/sdc`. */
const diskIdentities: readonly DiskIdentity[] = [
  { serial: 'DISK-A', wwn: '0x5000c500155aaa01' },
  { serial: 'DISK-B', wwn: '0x5000c500155aaa02' },
  { serial: 'DISK-C', wwn: '0x5000c500155aaa03' },
]

export type DiskMachines = {
  readonly dir: string
  readonly network: RealNetwork
  /** Returns a new machine, which is off; by default it has three disks with one path. */
  machine(node: RealNode, options?: MachineDisks): Promise<Machine>
  close(): Promise<void>
}

type MachineDisks = { readonly count?: number; readonly isMultipath?: boolean }

/** @param name of the directory in `workDir`, which is emptied */
export async function createDiskMachines(workDir: string, name = 'disk-machines'): Promise<DiskMachines> {
  await buildInstalledDisk()
  const dir = join(workDir, name)
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  const network = await createRealNetwork()
  const machines: Machine[] = []
  return {
    dir,
    network,
    async machine(node, { count = diskIdentities.length, isMultipath = false } = {}) {
      const disks = diskIdentities.slice(0, count)
      const options = { node, firmware: 'bios', disks, isMultipath } as const
      const machine = await createMachine(join(dir, `machine-${node.name}`), network, options)
      machines.push(machine)
      return machine
    },
    async close() {
      for (const machine of machines) await machine.powerOff()
      await network.close()
    },
  }
}
