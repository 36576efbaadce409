/**
 * Systems on a RAID 1 mirror and on a multipath device. The first disk has what coreos-installer writes; Ignition, mdadm, and
 * dracut are real. What RHCOS adds to them at the first boot is in the directory dracut.
 */
import { liveDisks } from '../../../../src/plan/disks/live.ts'
import { mirrorStorage } from '../../../../src/plan/disks/mirror.ts'
import { wrapIgnition } from '../../../../src/plan/ignition/document.ts'
import { expect, expectEqual, expectMatch } from '../../expect.ts'
import { diskBytes, type Machine } from '../../real/machine.ts'
import { nodes } from '../../real/network.ts'
import type { Check } from '../../runner.ts'
import { minuteMs, shownDisks, writeSystem } from '../installed.ts'
import type { DiskMachines } from '../machines.ts'
import { reportIgnition } from '../site.ts'

let mirrored: Machine

export const mirrorStartChecks: readonly Check<DiskMachines>[] = [
  {
    name: 'disks: Ignition creates the mirror that slipway adds to its file, and the system starts from it',
    limitMs: 40 * minuteMs,
    async run(rig) {
      mirrored = await rig.machine(nodes.w1, { count: 2 })
      const storage = mirrorStorage(['/dev/sda', '/dev/sdb'], 'x86_64')
      const ignition = wrapIgnition(Buffer.from(reportIgnition), '3.2.0', { files: [], storage })
      await writeSystem(mirrored.disk, diskBytes, ignition)
      await mirrored.powerOn('disk')
      const shown = await shownDisks(mirrored)
      expectMirror(shown, 2)
      await mirrored.shutDown()
      return undefined
    },
  },
  {
    name: 'disks: the system on the mirror starts without its first disk',
    limitMs: 30 * minuteMs,
    async run() {
      const since = mirrored.console.length
      // dracut waits two minutes for the disk.
      await mirrored.powerOn('disk', 0)
      const shown = await shownDisks(mirrored, since)
      expectMirror(shown, 1)
      expectMatch(shown, /md-root State : .*degraded/, 'mdadm --detail')
      await mirrored.powerOff()
      return undefined
    },
  },
]

function expectMirror(shown: string, active: number): void {
  expectMatch(shown, /the root is on \/dev\/md\d+/, 'the console')
  for (const array of ['boot', 'root']) {
    expectMatch(shown, RegExp(`md-${array} Raid Level : raid1`), 'mdadm --detail')
    expectMatch(shown, RegExp(`md-${array} Active Devices : ${active}`), 'mdadm --detail')
  }
}

export const multipathStartChecks: readonly Check<DiskMachines>[] = [
  {
    name: 'disks: the kernel arguments of multipath start the system from the multipath device, at each boot',
    limitMs: 50 * minuteMs,
    async run(rig) {
      const machine = await rig.machine(nodes.w2, { count: 1, isMultipath: true })
      const { installerConfig = '' } = liveDisks({ multipath: true })
      const added = [...installerConfig.matchAll(/^ {2}- (.+)$/gm)].map(([, argument = '']) => argument)
      expect(added.length === 3, `the file has three kernel arguments: ${added.join(' ')}`)
      await writeSystem(machine.disk, diskBytes, reportIgnition, added)
      for (const first of [true, false]) {
        const since = machine.console.length
        await machine.powerOn('disk')
        const shown = await shownDisks(machine, since)
        expectMatch(
          shown,
          /the root is on \/dev\/mapper\/mpatha\S*4/,
          `the ${first ? 'first' : 'second'} boot`,
        )
        expectEqual(shown.match(/ sd[ab] .* active ready running/g)?.length, 2, 'the paths in multipath -ll')
        await machine.shutDown()
      }
      return undefined
    },
  },
]
