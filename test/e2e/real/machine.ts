/**
 * A virtual machine without KVM that keeps its disk and firmware variables between power cycles. It can run in the
 * background while other machines do. Its disks are SCSI disks, `/dev/sda` first; its serial console is read line by line.
 *
 * - `uefi`: OVMF with its own PXE client.
 * - `bios`: SeaBIOS with the iPXE option ROM of QEMU.
 */
import { copyFile, mkdir, truncate, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Unexpected } from '../expect.ts'
import { followFile } from '../line-splitter.ts'
import { lastLines, start, type Running } from '../process.ts'
import { plainText, type ConsoleLine } from '../vm.ts'
import { tapOf, type RealNetwork, type RealNode } from './network.ts'

export type MachineFirmware = 'uefi' | 'bios'

export type Machine = {
  readonly node: RealNode
  readonly firmware: MachineFirmware
  /** The image of its first disk. */
  readonly disk: string
  /** The images of all its disks. */
  readonly disks: readonly string[]
  /** All lines since the first power-on. */
  readonly console: readonly ConsoleLine[]
  readonly isOn: () => boolean
  /**
   * @param first which of its two devices comes first in the boot order; the network by default
   * @param removed a disk that is not in the machine, by its index
   */
  powerOn(first?: 'network' | 'disk', removed?: number): Promise<void>
  /** Cuts the power. */
  powerOff(): Promise<void>
  /** Presses the power button and waits until the system has stopped. */
  shutDown(): Promise<void>
  /**
   * Waits for a console line after index `since`.
   *
   * @throws {Unexpected} after `limitMs`, or when the machine is off, with the last lines of the console
   */
  waitForConsole(what: string, pattern: RegExp, options: WaitOptions): Promise<ConsoleLine>
}

type WaitOptions = { readonly since?: number; readonly limitMs: number }

export const diskBytes = 4 * 1024 ** 3

/** `wwn` is a number of 64 bits in hexadecimal. */
export type DiskIdentity = { readonly serial: string; readonly wwn: string }

export type MachineOptions = {
  readonly node: RealNode
  readonly firmware: MachineFirmware
  /** By default one disk without a serial number. */
  readonly disks?: readonly DiskIdentity[]
  /** Each disk is connected to both of two controllers. */
  readonly isMultipath?: boolean
  /** Called for each console line. */
  readonly onConsole?: (text: string, atMs: number) => void
}

/** @param dir for its disk, firmware variables, and logs; created here */
export async function createMachine(
  dir: string,
  network: RealNetwork,
  { node, firmware, disks: identities = [], isMultipath = false, onConsole }: MachineOptions,
): Promise<Machine> {
  await mkdir(dir, { recursive: true })
  const at = (name: string): string => join(dir, name)
  const disk = at('disk.img')
  const disks = [disk, ...identities.slice(1).map((_, index) => at(`disk-${index + 2}.img`))]
  for (const path of disks) {
    await writeFile(path, '')
    await truncate(path, diskBytes)
  }
  if (firmware === 'uefi') await copyFile('/usr/share/OVMF/OVMF_VARS_4M.fd', at('variables.fd'))

  const console: ConsoleLine[] = []
  let qemu: Running | undefined
  let followed: Promise<void> = Promise.resolve()
  let count = 0
  const isOn = (): boolean => qemu?.isRunning() === true

  return {
    node,
    firmware,
    disk,
    disks,
    console,
    isOn,
    async powerOn(first = 'network', removed) {
      if (isOn()) throw new Error(`${node.name} is on already`)
      count++
      const serial = at(`console-${count}.log`)
      await writeFile(serial, '')
      const command = commandLine({
        dir,
        node,
        firmware,
        serial,
        isDiskFirst: first === 'disk',
        disks: disks
          .map((file, index) => ({ file, identity: identities[index] }))
          .filter((_, index) => index !== removed),
        controllers: isMultipath ? 2 : 1,
      })
      const machine = start(network.inside('bridge', ...command), { logFile: at(`qemu-${count}.log`) })
      qemu = machine
      followed = followFile(
        serial,
        () => !machine.isRunning(),
        (raw, atMs) => {
          const text = plainText(raw)
          if (text === '') return
          console.push({ atMs, text })
          onConsole?.(text, atMs)
        },
      )
    },
    async powerOff() {
      qemu?.signal('SIGKILL')
      await qemu?.ended
      await followed
    },
    async shutDown() {
      await pressPowerButton(at('qmp.sock'))
      const deadline = performance.now() + 90_000
      while (isOn() && performance.now() < deadline) await sleep(200)
      if (isOn()) throw new Unexpected(`${node.name} did not stop within 90 s after its power button`)
      await followed
    },
    async waitForConsole(what, pattern, { since = 0, limitMs }) {
      const deadline = performance.now() + limitMs
      for (let from = since; ;) {
        const found = console.slice(from).find(({ text }) => pattern.test(text))
        if (found !== undefined) return found
        from = Math.max(since, console.length - 1)
        if (!isOn() || performance.now() > deadline) {
          const when = isOn() ? `within ${limitMs / 1000} s` : 'before it was off'
          const last = lastLines(console.map(({ text }) => text).join('\n'), 20)
          throw new Unexpected(`the console of ${node.name} did not show ${what} ${when}:\n${last}`)
        }
        await sleep(100)
      }
    },
  }
}

type Hardware = {
  readonly dir: string
  readonly node: RealNode
  readonly firmware: MachineFirmware
  readonly serial: string
  readonly isDiskFirst: boolean
  readonly disks: readonly { readonly file: string; readonly identity: DiskIdentity | undefined }[]
  /** Each disk is connected to all of them. */
  readonly controllers: number
}

function commandLine(hardware: Hardware): string[] {
  const { dir, node, firmware, serial, isDiskFirst, disks, controllers } = hardware
  const [diskIndex, cardIndex] = isDiskFirst ? [1, 2] : [2, 1]
  // QEMU patches the device id into its default option ROM, but not into a file that is named. An empty name removes it.
  const card = `virtio-net-pci,netdev=net,mac=${node.mac}${firmware === 'bios' ? '' : ',romfile='}`
  return [
    ...'qemu-system-x86_64 -nodefaults -no-user-config -display none -monitor none'.split(' '),
    ...'-machine q35,accel=tcg,graphics=off -cpu max,la57=off,svm=off -smp 2 -m 2560 -rtc base=utc'.split(
      ' ',
    ),
    ...['-uuid', `4c4c4544-0000-4000-8001-${node.mac.replaceAll(':', '')}`],
    ...['-netdev', `tap,id=net,ifname=${tapOf(node)},script=no,downscript=no`],
    ...['-device', `${card},bootindex=${cardIndex}`, '-device', 'virtio-rng-pci'],
    ...Array.from({ length: controllers }, (_, path) => [
      ...['-device', `virtio-scsi-pci,id=scsi${path}`],
      ...disks.flatMap(({ file, identity }, index) => {
        const known = identity === undefined ? '' : `,serial=${identity.serial},wwn=${identity.wwn}`
        const boots = index === 0 && path === 0 ? `,bootindex=${diskIndex}` : ''
        const options = `format=raw,cache=unsafe,discard=unmap${controllers > 1 ? ',file.locking=off' : ''}`
        const id = `disk${path}-${index}`
        return [
          ...['-drive', `if=none,id=${id},${options},file=${file}`],
          ...['-device', `scsi-hd,bus=scsi${path}.0,drive=${id}${boots}${known}`],
        ]
      }),
    ]).flat(),
    ...['-serial', `file:${serial}`, '-qmp', `unix:${join(dir, 'qmp.sock')},server=on,wait=off`],
    ...(firmware === 'bios'
      ? []
      : [
          ...['-drive', 'if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd'],
          ...['-drive', `if=pflash,format=raw,unit=1,file=${join(dir, 'variables.fd')}`],
          ...['-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n'],
        ]),
  ]
}

/** Sends two commands over QMP; QEMU answers each with a line, which is not needed. */
async function pressPowerButton(path: string): Promise<void> {
  const socket = connect(path)
  socket.on('error', () => socket.destroy())
  for (const execute of ['qmp_capabilities', 'system_powerdown']) {
    socket.write(`${JSON.stringify({ execute })}\n`)
    await sleep(300)
  }
  socket.destroy()
}
