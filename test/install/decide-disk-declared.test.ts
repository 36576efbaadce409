/** The disk check for hints, mirrors, multipath devices, and partitions that the installer keeps. */
import t from 'tap'
import { decideDisk } from '../../src/install/decide-disk.ts'
import type { DiskReport } from '../../src/install/disk-report.ts'
import type { WantedDisk } from '../../src/plan/disks/target.ts'
import { inventory, multipathInventory } from '../support/disk-inventories.ts'

const nothing = { wipe: 'ask', hasConsent: false, isOurs: false } as const
const consent = { ...nothing, hasConsent: true }

type Part = {
  readonly name: string
  readonly number?: number
  readonly label?: string
  readonly type?: string
}

function report(
  device: string,
  path: string,
  options: { parts?: readonly Part[]; type?: string; root?: string } = {},
) {
  const { parts = [], type = 'disk', root = path } = options
  const children = parts.map(({ name }) => ({ name, type: 'part' }))
  const probes = parts.map(({ name, number, label = '', type: fileSystem }) =>
    [
      `device=${name}`,
      ...(fileSystem === undefined ? [] : [`TYPE=${fileSystem}`]),
      ...(number === undefined ? [] : [`PART_ENTRY_SCHEME=gpt`, `PART_ENTRY_NUMBER=${number}`]),
      `PART_ENTRY_NAME=${label}\n`,
    ].join('\n'),
  )
  return {
    device,
    path,
    lsblk: path === '' ? '' : JSON.stringify({ blockdevices: [{ name: root, type, children }] }),
    blkid: [`device=${root}\n`, ...probes].join('\n'),
  } satisfies DiskReport
}

function decide(
  given: DiskReport,
  wanted: WantedDisk,
  permission: Parameters<typeof decideDisk>[1] = nothing,
): string {
  const decision = decideDisk(given, permission, wanted)
  return `${decision.kind}: ${decision.kind === 'keep' ? decision.holds : decision.reason}`
}

const link = '/dev/slipway-disk'
const data = [{ name: '/dev/sdb1', number: 1, label: 'x', type: 'xfs' }]

t.test('hints: the live system learns the disk, then the check is that of a path', (t) => {
  const wanted: WantedDisk = { target: { kind: 'hints', hints: { serialNumber: 'S2' } } }
  const first = { ...report(link, ''), inventory }
  t.same(decideDisk(first, consent, wanted), {
    kind: 'use',
    device: '/dev/sdb',
    reason:
      'the hints select /dev/sdb (minSizeGigabytes 4000, model ST4000, vendor Seagate, serialNumber S2, wwn 0x5000c500155bbb02, hctl 1:0:0:0, rotational true)',
  })
  const linked = { ...report(link, '/dev/sdb'), inventory }
  t.equal(decide(linked, wanted), 'proceed: /dev/sdb is empty')
  const full = { ...report(link, '/dev/sdb', { parts: data }), inventory }
  t.equal(decide(full, wanted), 'keep: /dev/sdb holds a file system of type xfs (partition x)')
  t.match(decide(full, wanted, consent), /^proceed: an administrator/)
  t.end()
})

t.test('hints: a link to another disk is never used, whatever an administrator permits', (t) => {
  const wanted: WantedDisk = { target: { kind: 'hints', hints: { serialNumber: 'S2' } } }
  const permissions = [consent, { ...nothing, wipe: 'always' }, { ...nothing, isOurs: true }] as const
  const other = { ...report(link, '/dev/sda'), inventory }
  for (const permission of permissions)
    t.match(decide(other, wanted, permission), /^use: the hints select \/dev\/sdb/)
  for (const hints of [{ serialNumber: 'none' }, { rotational: false }]) {
    const decision = decide(other, { target: { kind: 'hints', hints } }, consent)
    t.match(decision, /^unknown: (?:no disk|2 disks) of this machine ha/)
  }
  const [bare, garbled] = [report(link, '/dev/sdb'), { ...other, inventory: { lsblk: '', udev: '' } }]
  t.equal(decide(bare, wanted, consent), 'unknown: the report of the live system does not list its disks')
  t.equal(decide(garbled, wanted, consent), 'unknown: slipway cannot read the list of its disks')
  t.end()
})

t.test('multipath: only a multipath device is used', (t) => {
  const target = { kind: 'hints', hints: { wwn: '0x600a098000' } } as const
  const multipath: WantedDisk = { target, multipath: true }
  const before = { ...report(link, ''), inventory: multipathInventory }
  t.match(decideDisk(before, nothing, multipath), { kind: 'use', device: '/dev/mapper/mpatha' })
  const after = report(link, '/dev/dm-0', { type: 'mpath', root: '/dev/mapper/mpatha' })
  t.equal(decide({ ...after, inventory: multipathInventory }, multipath), 'proceed: /dev/dm-0 is empty')
  const single: WantedDisk = { target: { kind: 'hints', hints: { serialNumber: 'S2' } }, multipath: true }
  t.equal(
    decide({ ...report(link, ''), inventory }, single, consent),
    'unknown: /dev/sdb is not a multipath device: check its paths, or remove multipath',
  )
  const path: WantedDisk = { target: { kind: 'path', path: '/dev/mapper/mpatha' }, multipath: true }
  const own = report('/dev/mapper/mpatha', '/dev/dm-0', { type: 'mpath', root: '/dev/mapper/mpatha' })
  t.equal(decide(own, path), 'proceed: /dev/mapper/mpatha (/dev/dm-0) is empty')
  const plain: WantedDisk = { target: { kind: 'path', path: '/dev/sda' }, multipath: true }
  t.match(
    decide(report('/dev/sda', '/dev/sda'), plain, consent),
    /^unknown: \/dev\/sda is not a multipath device/,
  )
  t.end()
})

const mirror: WantedDisk = { target: { kind: 'mirror', paths: ['/dev/sda', '/dev/sdb'] } }
const sda = report('/dev/sda', '/dev/sda')

t.test('mirror: each of its disks must be empty', (t) => {
  const empty = { ...sda, others: [report('/dev/sdb', '/dev/sdb')] }
  t.equal(decide(empty, mirror), 'proceed: /dev/sda is empty')
  const full = { ...sda, others: [report('/dev/sdb', '/dev/sdb', { parts: data })] }
  t.equal(decide(full, mirror), 'keep: /dev/sdb holds a file system of type xfs (partition x)')
  t.match(decide(full, mirror, consent), /^proceed: an administrator/)
  t.end()
})

t.test('mirror: its disks must exist, be reported, and differ', (t) => {
  t.equal(
    decide(sda, mirror, consent),
    'unknown: the live system did not report /dev/sdb, because it has an older site file',
  )
  const missing = { ...sda, others: [report('/dev/sdb', '')], inventory }
  t.match(
    decide(missing, mirror, consent),
    /^unknown: \/dev\/sdb does not exist on this machine: its disks are \/dev\/sda \(.*; correct disk in the site file$/,
  )
  t.equal(
    decide({ ...sda, others: [report('/dev/sdb', '/dev/sda')] }, mirror, consent),
    'unknown: /dev/sda and /dev/sdb are the same disk: a mirror needs different disks',
  )
  t.end()
})

t.test('saved partitions are not data that is overwritten, but everything else on the disk is', (t) => {
  const wanted: WantedDisk = {
    target: { kind: 'path', path: '/dev/sda' },
    savePartitions: { labels: ['data*'], indexes: ['7-'] },
  }
  const on = (...parts: readonly Part[]) => decide(report('/dev/sda', '/dev/sda', { parts }), wanted)
  const kept = [
    { name: '/dev/sda5', number: 5, label: 'data1', type: 'xfs' },
    { name: '/dev/sda7', number: 7, label: 'x', type: 'ext4' },
  ]
  t.equal(on(), 'proceed: /dev/sda is empty')
  t.equal(on(...kept), 'proceed: /dev/sda holds only partitions that the installer keeps')
  t.equal(
    on(...kept, { name: '/dev/sda6', number: 6, label: 'other', type: 'ext4' }),
    'keep: /dev/sda holds a file system of type ext4 (partition other)',
  )
  const system = ['EFI-SYSTEM', 'boot', 'root'].map((label, at) => ({
    name: `/dev/sda${at + 2}`,
    number: at + 2,
    label,
  }))
  t.match(on(...system, ...kept), /^keep: \/dev\/sda holds Red Hat Enterprise Linux CoreOS/)
  const all: WantedDisk = { ...wanted, savePartitions: { indexes: ['1-'] } }
  t.match(
    decide(report('/dev/sda', '/dev/sda', { parts: system }), all),
    /^keep: /,
    'a system is never only kept',
  )
  t.end()
})
