/** Hints that the live system compares with the disks of the machine, before the real coreos-installer writes one. */
import { open } from 'node:fs/promises'
import { expectEqual, expectMatch } from '../../expect.ts'
import type { Machine } from '../../real/machine.ts'
import { nodes } from '../../real/network.ts'
import type { Check } from '../../runner.ts'
import type { DisksRig } from '../rig.ts'

const minuteMs = 60_000

export const hintChecks: readonly Check<DisksRig>[] = [
  {
    name: 'disks: hints select the second of three disks, and only this disk is written',
    limitMs: 12 * minuteMs,
    async run(rig) {
      await rig.configure({ w1: 'disk: { serialNumber: DISK-B, rotational: true }' })
      const machine = await rig.machine(nodes.w1)
      await machine.powerOn()
      // The kernel looks for disks in parallel, so any of them can be sda.
      const selected = await machine.waitForConsole('the disk', /slipway: the hints select \/dev\/sd[abc] /, {
        limitMs: 8 * minuteMs,
      })
      expectMatch(selected.text, /serialNumber DISK-B, wwn 0x5000c500155aaa02, hctl 0:0:1:0/, 'the console')
      await machine.waitForConsole('the end of the installation', /Install complete/, {
        limitMs: 4 * minuteMs,
      })
      await machine.powerOff()
      expectEqual(await writtenDisks(machine), '2', 'the disks that are written')
      return selected.text.replace(/^.*slipway: /, '')
    },
  },
  {
    name: 'disks: hints that no disk has stop the installation, until the site file is correct',
    limitMs: 12 * minuteMs,
    async run(rig) {
      await rig.configure({ w2: 'disk: { serialNumber: DISK-X }' })
      const machine = await rig.machine(nodes.w2)
      await machine.powerOn()
      const none =
        /slipway: the installer does not start: no disk of this machine has serialNumber DISK-X: its disks are/
      const stopped = await machine.waitForConsole('its disks', none, { limitMs: 8 * minuteMs })
      for (const serial of ['DISK-A', 'DISK-B', 'DISK-C'])
        expectMatch(stopped.text, RegExp(serial), 'the console')
      const status = (await rig.slipway('status')).replaceAll(/\n\s+/g, ' ')
      expectMatch(status, /ocp45\/w2: no disk of this machine has serialNumber DISK-X/, 'slipway status')
      expectEqual(await writtenDisks(machine), '', 'the disks that are written')
      await rig.configure({ w2: 'disk: { wwn: "0x5000c500155aaa03" }' })
      const limits = { limitMs: 4 * minuteMs }
      await machine.waitForConsole('the third disk', /slipway: the hints select \/dev\/sd[abc] /, limits)
      await machine.waitForConsole('the end of the installation', /Install complete/, limits)
      await machine.powerOff()
      expectEqual(await writtenDisks(machine), '3', 'the disks that are written')
      return undefined
    },
  },
]

/** Returns the numbers of the disks with a GPT: `2`. */
export async function writtenDisks({ disks }: Machine): Promise<string> {
  const written: number[] = []
  for (const [index, path] of disks.entries()) {
    const file = await open(path)
    const { buffer } = await file.read({ buffer: Buffer.alloc(8), position: 512 })
    await file.close()
    if (buffer.toString('latin1') === 'EFI PART') written.push(index + 1)
  }
  return written.join()
}
