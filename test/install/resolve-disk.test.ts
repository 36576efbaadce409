/** Hints against the disks of machines, as lsblk and udev of a live system show them. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { decideDisk } from '../../src/install/decide-disk.ts'
import { disksOf, type Disk } from '../../src/install/disk-inventory.ts'
import { parseDiskReport } from '../../src/install/disk-report.ts'
import { describeDisk, hasHints, resolveDisk } from '../../src/install/resolve-disk.ts'
import type { WantedDisk } from '../../src/plan/disks/target.ts'
import type { DiskHints } from '../../src/site/disk-section.ts'
import { inventory, multipathInventory } from '../support/disk-inventories.ts'

const disks = disksOf(inventory)!

const found: readonly [hints: DiskHints, name: string][] = [
  [{ deviceName: '/dev/sdb' }, '/dev/sdb'],
  [{ deviceName: '/dev/disk/by-id/wwn-0x5000c500155bbb02' }, '/dev/sdb'],
  [{ byPath: '/dev/disk/by-path/pci-0000:00:1f.2-ata-1' }, '/dev/sda'],
  [{ hctl: '1:0:0:0' }, '/dev/sdb'],
  [{ model: 'evo' }, '/dev/nvme0n1'],
  [{ vendor: 'SEAGATE' }, '/dev/sdb'],
  [{ serialNumber: 's2' }, '/dev/sdb'],
  [{ serialNumber: 'SEAGATE_ST_S2' }, '/dev/sdb'],
  [{ wwn: '0x5000C500155BBB02' }, '/dev/sdb'],
  [{ wwn: '0x6000c500155cc', rotational: false }, '/dev/sda'],
  [{ wwnWithExtension: '0x6000c500155cc0001' }, '/dev/sda'],
  [{ wwnVendorExtension: '0x0001' }, '/dev/sda'],
  [{ minSizeGigabytes: 480, rotational: false }, '/dev/nvme0n1'],
  [{ rotational: true }, '/dev/sdb'],
]
for (const [hints, name] of found) {
  t.test(`${JSON.stringify(hints)} selects ${name}`, (t) => {
    t.match(resolveDisk(hints, disks), { kind: 'found', disk: { name } })
    t.end()
  })
}

t.test('no match: the disks with what to write', (t) => {
  t.same(resolveDisk({ serialNumber: 'S' }, disks), {
    kind: 'none',
    problem:
      'no disk of this machine has serialNumber S: its disks are /dev/sda (minSizeGigabytes 240, model PERC H755, serialNumber S1, wwn 0x6000c500155cc0001, hctl 0:0:0:0, rotational false), /dev/sdb (minSizeGigabytes 4000, model ST4000, vendor Seagate, serialNumber S2, wwn 0x5000c500155bbb02, hctl 1:0:0:0, rotational true), /dev/nvme0n1 (minSizeGigabytes 480, model Samsung SSD 970 EVO, serialNumber S3, wwn eui.0025385b71b0a4c2, rotational false); correct disk in the site file',
  })
  t.match(resolveDisk({ serialNumber: 'S' }, []), {
    problem: /: it has no disk; correct disk in the site file$/,
  })
  t.end()
})

t.test('several matches: the disks, and a hint that only one of them has', (t) => {
  const several = resolveDisk({ rotational: false }, disks)
  t.match(several, { kind: 'several' })
  t.match(
    'problem' in several && several.problem,
    /^2 disks of this machine have rotational false: \/dev\/sda \(.*\), \/dev\/nvme0n1 \(.*\); add a hint that only one of them has, for example `disk: \{ wwn: "0x6000c500155cc0001" \}`$/,
  )
  const twin: Disk = { ...disks[0]!, name: '/dev/sdz', wwnsWithExtension: [] }
  t.match(resolveDisk({ hctl: '0:0:0:0' }, [disks[0]!, twin]), {
    problem: /add a hint that only one of them has$/,
  })
  t.end()
})

t.test(
  'several paths to one disk, without multipath: no path is selected, and the advice is multipath',
  (t) => {
    const wwnsWithExtension = ['0x600a0980383030534f463045']
    const path = { ...disks[0]!, wwnsWithExtension, wwns: wwnsWithExtension, links: ['/dev/disk/by-path/1'] }
    const other = { ...path, name: '/dev/sdq', links: ['/dev/disk/by-path/2'] }
    const hints = { wwn: '0x600a0980383030534f463045' }
    t.match(resolveDisk(hints, [path, other]), {
      kind: 'several',
      problem: /; they are paths to one disk: write `multipath: true`$/,
    })
    // Disks of an array have the same name without its extension.
    t.match(resolveDisk(hints, [path, { ...other, wwnsWithExtension: ['0x600a0980383030534f4630460001'] }]), {
      problem: /; add a hint that only one of them has, for example `disk: \{ byPath: /,
    })
    t.end()
  },
)

t.test('the paths of a multipath device are one disk', (t) => {
  const [disk, other] = disksOf(multipathInventory)!
  t.equal(other, undefined)
  t.match(disk, {
    name: '/dev/mapper/mpatha',
    isMultipath: true,
    hctls: ['2:0:0:1', '3:0:0:1'],
    isRotational: true,
  })
  for (const hints of [{ hctl: '3:0:0:1' }, { wwn: '0x600a098000' }, { deviceName: '/dev/mapper/mpatha' }]) {
    t.match(resolveDisk(hints, [disk!]), { kind: 'found' }, JSON.stringify(hints))
  }
  t.end()
})

t.test('what is not a disk that can be written is left out, and other text is not a list', (t) => {
  const device = (name: string, more: object = {}) => ({ name, type: 'disk', size: 1e9, ro: false, ...more })
  const listed = [
    device('/dev/sda'),
    device('/dev/vdb', { size: '1000', ro: '0', rota: '1' }),
    device('/dev/sdc', { ro: true }),
    device('/dev/sdd', { ro: '1' }),
    device('/dev/sde', { size: 0 }),
    device('/dev/sr0', { type: 'rom' }),
    device('/dev/zram0'),
    device('/dev/fd0'),
    device('/dev/mmcblk0boot0'),
    { type: 'disk', size: 1 },
    'text',
  ]
  const names = disksOf({ lsblk: JSON.stringify({ blockdevices: listed }), udev: '=x\n' })!.map(
    ({ name }) => name,
  )
  t.same(names, ['/dev/sda', '/dev/vdb'])
  t.equal(
    describeDisk(disksOf({ lsblk: JSON.stringify({ blockdevices: [device('/dev/sda')] }), udev: '' })![0]!),
    '/dev/sda (minSizeGigabytes 1)',
  )
  for (const lsblk of ['', '{}', 'null', '{"blockdevices": 1}'])
    t.equal(disksOf({ lsblk, udev: '' }), undefined)
  t.end()
})

/** Few values, so that disks share properties. */
const value = fc.constantFrom('a', 'A', 'ab', 'b')
const values = fc.uniqueArray(value, { maxLength: 2 })
const anyDisk = fc.record({
  bytes: fc.integer({ min: 1, max: 3e9 }),
  isRotational: fc.boolean(),
  isMultipath: fc.boolean(),
  links: values,
  models: values,
  vendors: values,
  serials: values,
  wwns: values,
  wwnsWithExtension: values,
  wwnVendorExtensions: values,
  hctls: values,
})
const anyDisks = fc
  .array(anyDisk, { maxLength: 6 })
  .map((all) => all.map((disk, index) => ({ ...disk, name: `/dev/d${index}` })))
const anyHints: fc.Arbitrary<DiskHints> = fc.record(
  {
    deviceName: value,
    hctl: value,
    model: value,
    vendor: value,
    serialNumber: value,
    wwn: value,
    minSizeGigabytes: fc.integer({ min: 1, max: 3 }),
    rotational: fc.boolean(),
  },
  { requiredKeys: [] },
)

t.test('property: a disk is selected only if it has all hints and no other disk has them', (t) => {
  fc.assert(
    fc.property(anyDisks, anyHints, (disks, hints) => {
      const result = resolveDisk(hints, disks)
      const matching = disks.filter((disk) =>
        Object.entries(hints).every(([name, hint]) => hasHints(disk, { [name]: hint })),
      )
      if (result.kind !== 'found') return matching.length !== 1
      return matching.length === 1 && matching[0] === result.disk
    }),
  )
  t.end()
})

t.test('property: the order of the disks never changes the selection', (t) => {
  fc.assert(
    fc.property(anyDisks, anyHints, (disks, hints) => {
      const [first, second] = [disks, disks.toReversed()].map((each) => resolveDisk(hints, each))
      return (
        first!.kind === second!.kind && (!('disk' in first!) || first.disk === (second as typeof first).disk)
      )
    }),
  )
  t.end()
})

/** Recorded in a virtual machine with three SCSI disks (test/e2e/disks). */
const recorded = (name: string) =>
  parseDiskReport(readFileSync(new URL(`../fixtures/disks/${name}.txt`, import.meta.url), 'utf8'))!

t.test('the report of a real live system: before the link exists, and with it', (t) => {
  const wanted: WantedDisk = {
    target: { kind: 'hints', hints: { wwn: '0x5000C500155AAA03', rotational: true } },
  }
  const nothing = { wipe: 'ask', hasConsent: false, isOurs: false } as const
  t.match(decideDisk(recorded('live-before'), nothing, wanted), { kind: 'use', device: '/dev/sdc' })
  t.same(decideDisk(recorded('live-linked'), nothing, wanted), {
    kind: 'proceed',
    reason: '/dev/sdc is empty',
    disk: ['DISK-C', '5000c500155aaa03', '35000c500155aaa03', '0x5000c500155aaa03'],
  })
  const real = disksOf(recorded('live-before').inventory!)!
  t.same(
    real.map(({ name }) => name),
    ['/dev/sda', '/dev/sdb', '/dev/sdc'],
    'without the loop device of the rootfs',
  )
  for (const hints of [
    { serialNumber: 'disk-b' },
    { hctl: '0:0:1:0' },
    { byPath: '/dev/disk/by-path/pci-0000:00:03.0-scsi-0:0:1:0' },
    { deviceName: '/dev/disk/by-id/scsi-35000c500155aaa02' },
  ]) {
    t.match(resolveDisk(hints, real), { kind: 'found', disk: { name: '/dev/sdb' } }, JSON.stringify(hints))
  }
  t.match(resolveDisk({ model: 'QEMU' }, real), { kind: 'several' })
  t.end()
})
