/**
 * Other loaders of the one boot decision: PXELINUX on BIOS, U-Boot on 64-bit ARM, GRUB on IBM Power, and the firmware of IBM
 * Z. The machines belong to a second appliance with sites of their own.
 */
import { join } from 'node:path'
import { expectEqual, expectMatch, expectNoMatch } from '../expect.ts'
import { addresses } from '../network.ts'
import { buildOtherImage, type OtherArchitecture } from '../other-architectures.ts'
import { lastLines } from '../process.ts'
import type { Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import {
  bootLimitMs,
  loaderMachine,
  power,
  show,
  textOf,
  withSecondAppliance,
  type LoaderMachine,
  type SecondAppliance,
} from '../second-appliance.ts'
import { waitForLogFlush, type Server } from '../server.ts'
import type { VmOptions } from '../vm.ts'

const bios = loaderMachine('l1', 74, 'loader: pxelinux')
/** The address in the default environment of U-Boot for QEMU, which does not read that of its card. */
const ubootMac = '52:52:52:52:52:52'
const arm = { ...loaderMachine('a1', 76, 'loader: u-boot, console: [ttyAMA0]'), mac: ubootMac }
const power9 = loaderMachine('p1', 77, 'console: [hvc0]')
const z = loaderMachine('z1', 78, 'console: [ttysclp0]')
const appliance: SecondAppliance = { name: 'loaders', machines: [bios] }

export const loaderChecks: readonly Check[] = [
  {
    name: 'loaders: lpxelinux.0 installs a BIOS machine with its kernel and initramfs over HTTP',
    limitMs: 4 * bootLimitMs,
    run: (rig) => withSecondAppliance(rig, appliance, (server) => installs(rig, server, bios, 'bios')),
  },
  {
    name: 'loaders: U-Boot runs its script, and boots a kernel and an initramfs by TFTP',
    limitMs: 4 * bootLimitMs,
    run: (rig) =>
      bootsKernel(rig, { machine: arm, architecture: 'aarch64', firmware: 'u-boot' }, [
        'boot.scr.uimg',
        'boot/aarch64/a1/boot.uboot',
      ]),
  },
  {
    name: 'loaders: Open Firmware of IBM Power loads GRUB, which boots a kernel and an initramfs over HTTP',
    limitMs: 4 * bootLimitMs,
    run: (rig) =>
      bootsKernel(rig, { machine: power9, architecture: 'ppc64le', firmware: 'open-firmware' }, [
        'image-ppc64le/core.elf',
        'image-ppc64le/grub.cfg-01-52-54-00-00-00-77',
      ]),
  },
  {
    name: 'loaders: the firmware of an s390x machine reads its configuration, kernel, and initramfs by TFTP',
    limitMs: 4 * bootLimitMs,
    run: (rig) =>
      bootsKernel(rig, { machine: z, architecture: 's390x', firmware: 's390' }, [
        'boot/s390x/z1/pxelinux.cfg/01-52-54-00-00-00-78',
      ]),
  },
]

type OtherMachine = {
  readonly machine: LoaderMachine
  readonly architecture: OtherArchitecture
  readonly firmware: VmOptions['firmware']
}

/** Boots a machine of another architecture until its kernel prints its arguments. @param files that TFTP sends to it */
async function bootsKernel(
  rig: Rig,
  { machine, architecture, firmware }: OtherMachine,
  files: readonly string[],
): Promise<string> {
  const imagesDir = await buildOtherImage(join(rig.dir, '..'), architecture)
  const site: SecondAppliance = { name: architecture, machines: [machine], architecture, imagesDir }
  return withSecondAppliance(rig, site, async (server) => {
    const done = await power(rig, machine, firmware)
    const console = textOf(done)
    const where = `the console:\n${lastLines(console, 25)}\n`
    const url = `http://${addresses.peer}/boot/${architecture}/${machine.name}/\\S+/worker.ign`
    expectMatch(console, new RegExp(`^E2E arguments: .* coreos.inst.ignition_url=${url}`, 'm'), where)
    expectEqual(done.outcome, 'powered off', where)
    const sent = await sentFiles(server, `${architecture}/${machine.name}`)
    for (const file of files) expectMatch(sent, new RegExp(`^tftp: file sent /?${file}$`, 'm'), 'the log')
    expectNoMatch(sent, /file not found/, 'the log')
    return `${((done.endedMs - done.startedMs) / 1000).toFixed(0)} s`
  })
}

/** Returns the log lines about files of a node. */
async function sentFiles(server: Server, node: string): Promise<string> {
  await waitForLogFlush()
  const sent = server.lines.filter((line) => line.node === node)
  return sent.map(({ service = '', msg, file = '' }) => `${service}: ${msg} ${file}`).join('\n')
}

async function installs(
  rig: Rig,
  server: Server,
  machine: LoaderMachine,
  firmware: VmOptions['firmware'],
): Promise<string> {
  const done = await power(rig, machine, firmware)
  const console = textOf(done)
  const where = `the console:\n${lastLines(console, 25)}\n`
  expectMatch(console, new RegExp(`slipway loaders/${machine.name}: installs as worker on /dev/vda`), where)
  expectMatch(console, /^E2E written$/m, where)
  expectMatch(console, /^E2E reported$/m, where)
  expectMatch(await show(rig, appliance, machine), /installed/, 'its state')
  const files = await sentFiles(server, `loaders/${machine.name}`)
  expectMatch(files, /^tftp: file sent \/?\S*pxelinux\.cfg\/01-52-54-00-00-00-7\d$/m, 'the log')
  expectMatch(files, /^http: .* \/?\S*initramfs/m, 'the log')
  return `${((done.endedMs - done.startedMs) / 1000).toFixed(0)} s`
}
