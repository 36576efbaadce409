import fc from 'fast-check'
import t from 'tap'
import { decideDisk } from '../../src/install/decide-disk.ts'
import { parseDiskReport, type DiskReport } from '../../src/install/disk-report.ts'

/** As lsblk 2.38 writes it. */
function lsblk(...devices: readonly object[]): string {
  return JSON.stringify({ blockdevices: devices }, undefined, 3)
}

const device = (name: string, type: string, children: readonly object[] = [], more: object = {}): object => ({
  name,
  type,
  fstype: null,
  label: null,
  partlabel: null,
  ...more,
  ...(children.length > 0 && { children }),
})

/** As the script writes the output of `blkid --probe --output export`. */
function blkid(devices: Readonly<Record<string, Readonly<Record<string, string>>>>): string {
  return Object.entries(devices)
    .map(([name, values]) =>
      [`device=${name}`, ...Object.entries(values).map(([key, value]) => `${key}=${value}`), ''].join('\n'),
    )
    .join('\n')
}

const gpt = { DEVNAME: '/dev/sda', PTUUID: '00000000-0000-4000-a000-000000000001', PTTYPE: 'gpt' }
const part = (number: number, name: string, more: object = {}) => ({
  ...more,
  PART_ENTRY_SCHEME: 'gpt',
  PART_ENTRY_NAME: name,
  PART_ENTRY_NUMBER: String(number),
})
const coreos = (disk: string, separator = '') => ({
  [disk]: gpt,
  [`${disk}${separator}1`]: part(1, 'BIOS-BOOT'),
  [`${disk}${separator}2`]: part(2, 'EFI-SYSTEM', { LABEL: 'EFI-SYSTEM', TYPE: 'vfat' }),
  [`${disk}${separator}3`]: part(3, 'boot', { LABEL: 'boot', TYPE: 'ext4', BLOCK_SIZE: '1024' }),
  [`${disk}${separator}4`]: part(4, 'root', { LABEL: 'root', TYPE: 'xfs', BLOCK_SIZE: '512' }),
})
const parts = (disk: string, count: number, separator = '') =>
  Array.from({ length: count }, (_, index) => device(`${disk}${separator}${index + 1}`, 'part'))

const system = 'Red Hat Enterprise Linux CoreOS or Fedora CoreOS'

const cases: { name: string; report: Partial<DiskReport>; expected: string }[] = [
  {
    name: 'a blank disk',
    report: { lsblk: lsblk(device('/dev/sda', 'disk')), blkid: blkid({ '/dev/sda': {} }) },
    expected: 'proceed: /dev/sda is empty',
  },
  {
    name: 'an empty partition table',
    report: { lsblk: lsblk(device('/dev/sda', 'disk')), blkid: blkid({ '/dev/sda': gpt }) },
    expected: 'proceed: /dev/sda is empty',
  },
  {
    name: 'CoreOS',
    report: {
      lsblk: lsblk(device('/dev/sda', 'disk', parts('/dev/sda', 4))),
      blkid: blkid(coreos('/dev/sda')),
    },
    expected: `keep: /dev/sda holds ${system} (partitions BIOS-BOOT, EFI-SYSTEM, boot, root)`,
  },
  {
    name: 'CoreOS on NVMe, named by id',
    report: {
      device: '/dev/disk/by-id/nvme-eui.0025388b710116a1',
      path: '/dev/nvme0n1',
      lsblk: lsblk(device('/dev/nvme0n1', 'disk', parts('/dev/nvme0n1', 4, 'p'))),
      blkid: blkid(coreos('/dev/nvme0n1', 'p')),
    },
    expected: `keep: /dev/disk/by-id/nvme-eui.0025388b710116a1 (/dev/nvme0n1) holds ${system} (partitions BIOS-BOOT, EFI-SYSTEM, boot, root)`,
  },
  {
    name: 'CoreOS behind multipath, named by one path',
    report: {
      lsblk: lsblk(
        device('/dev/sda', 'disk', [
          device('/dev/mapper/mpatha', 'mpath', parts('/dev/mapper/mpatha', 4)),
          ...parts('/dev/sda', 4),
        ]),
      ),
      blkid: blkid({ '/dev/sda': { TYPE: 'mpath_member' }, ...coreos('/dev/mapper/mpatha') }),
    },
    expected: `keep: /dev/sda holds ${system} (partitions BIOS-BOOT, EFI-SYSTEM, boot, root, /dev/sda1, /dev/sda2, /dev/sda3, /dev/sda4)`,
  },
  {
    name: 'an empty multipath device, named by the mapper',
    report: {
      device: '/dev/mapper/mpatha',
      path: '/dev/dm-0',
      lsblk: lsblk(device('/dev/mapper/mpatha', 'mpath')),
      blkid: blkid({ '/dev/mapper/mpatha': {} }),
    },
    expected: 'proceed: /dev/mapper/mpatha (/dev/dm-0) is empty',
  },
  {
    name: 'Windows',
    report: {
      lsblk: lsblk(device('/dev/sda', 'disk', parts('/dev/sda', 3))),
      blkid: blkid({
        '/dev/sda': gpt,
        '/dev/sda1': part(1, 'EFI\\ system\\ partition', { TYPE: 'vfat' }),
        '/dev/sda2': part(2, 'Microsoft\\ reserved\\ partition'),
        '/dev/sda3': part(3, 'Basic\\ data\\ partition', { TYPE: 'ntfs' }),
      }),
    },
    expected:
      'keep: /dev/sda holds Windows (partitions EFI system partition, Microsoft reserved partition, Basic data partition)',
  },
  {
    name: 'a physical volume on the whole disk',
    report: {
      lsblk: lsblk(device('/dev/sda', 'disk', [device('/dev/mapper/data-vms', 'lvm')])),
      blkid: blkid({
        '/dev/sda': { TYPE: 'LVM2_member', USAGE: 'raid' },
        '/dev/mapper/data-vms': { TYPE: 'xfs' },
      }),
    },
    expected: 'keep: /dev/sda holds a physical volume of LVM and a file system of type xfs',
  },
  {
    name: 'a Ceph OSD',
    report: {
      lsblk: lsblk(device('/dev/sda', 'disk')),
      blkid: blkid({ '/dev/sda': { TYPE: 'ceph_bluestore', USAGE: 'other' } }),
    },
    expected: 'keep: /dev/sda holds a Ceph OSD',
  },
  {
    name: 'a partition without a file system',
    report: {
      lsblk: lsblk(device('/dev/sda', 'disk', parts('/dev/sda', 1))),
      blkid: blkid({ '/dev/sda': { PTTYPE: 'dos' }, '/dev/sda1': { PART_ENTRY_NUMBER: '1' } }),
    },
    expected: 'keep: /dev/sda holds a partition of unknown content (partition /dev/sda1)',
  },
  {
    name: 'a property that only udev reports (lsblk)',
    report: {
      lsblk: lsblk(device('/dev/sda', 'disk', [], { fstype: 'ext4', label: 'backup' })),
      blkid: blkid({ '/dev/sda': {} }),
    },
    expected: 'keep: /dev/sda holds a file system of type ext4',
  },
  {
    name: 'signatures that contradict each other',
    report: {
      lsblk: lsblk(device('/dev/sda', 'disk')),
      blkid: blkid({ '/dev/sda': { AMBIVALENT: 'yes' } }),
    },
    expected: 'keep: /dev/sda holds several signatures of file systems or partition tables',
  },
  {
    name: 'a blkid that failed',
    report: {
      lsblk: lsblk(device('/dev/sda', 'disk')),
      blkid: blkid({ '/dev/sda': { UNREADABLE: 'yes' } }),
    },
    expected:
      'unknown: the live system cannot read what is on /dev/sda: check the disk; slipway node install overwrites it whatever it holds',
  },
  {
    name: 'a disk that does not exist',
    report: { path: '', lsblk: '', blkid: '' },
    expected: 'unknown: /dev/sda does not exist on this machine',
  },
  {
    name: 'no output of lsblk',
    report: { lsblk: '', blkid: blkid({ '/dev/sda': {} }) },
    expected:
      'unknown: the live system cannot read what is on /dev/sda: check the disk; slipway node install overwrites it whatever it holds',
  },
  {
    name: 'no output of blkid',
    report: { lsblk: lsblk(device('/dev/sda', 'disk')), blkid: '' },
    expected:
      'unknown: the live system cannot read what is on /dev/sda: check the disk; slipway node install overwrites it whatever it holds',
  },
]

const nothing = { wipe: 'ask', hasConsent: false, isOurs: false } as const

function decide(report: Partial<DiskReport>, permission: Parameters<typeof decideDisk>[1] = nothing): string {
  const whole = { device: '/dev/sda', path: '/dev/sda', lsblk: '', blkid: '', ...report }
  const decision = decideDisk(whole, permission)
  return `${decision.kind}: ${decision.kind === 'keep' ? decision.holds : decision.reason}`
}

for (const { name, report, expected } of cases) {
  t.test(`disk check: ${name}`, (t) => {
    t.equal(decide(report), expected)
    t.end()
  })
}

t.test('consent of an administrator, wipe: always, and an installation in progress allow any disk', (t) => {
  const { report } = cases[2]!
  t.match(decide(report, { ...nothing, hasConsent: true }), /^proceed: an administrator/)
  t.match(decide(report, { ...nothing, wipe: 'always' }), /^proceed: the site file sets wipe: always/)
  t.match(decide(report, { ...nothing, isOurs: true }), /^proceed: this installation/)
  t.end()
})

t.test('the body of a report is split into its parts, and other bodies are refused', (t) => {
  const body =
    'slipway-disk 1\ndevice: /dev/disk/by-path/pci-0000:00:1f.2-ata-1\npath: /dev/sda\n--- lsblk\n{}\n--- blkid\ndevice=/dev/sda\n'
  t.same(parseDiskReport(body), {
    device: '/dev/disk/by-path/pci-0000:00:1f.2-ata-1',
    path: '/dev/sda',
    lsblk: '{}',
    blkid: 'device=/dev/sda\n',
  })
  const missing = 'slipway-disk 1\ndevice: /dev/sdz\npath: \n--- lsblk\n\n--- blkid\n'
  t.match(parseDiskReport(missing), { device: '/dev/sdz', path: '' })
  for (const other of [
    '',
    'slipway-disk 2\n',
    body.replace('/dev/sda', '/etc/passwd'),
    body.replace('--- blkid', ''),
  ]) {
    t.equal(parseDiskReport(other), undefined, JSON.stringify(other))
  }
  t.end()
})

t.test('without consent, only a report that shows an empty disk lets the installer proceed', (t) => {
  const label = fc.constantFrom('', 'boot', 'root', '"', '\u009b[2J')
  const node = fc.record({
    name: fc.constantFrom('/dev/sda', '/dev/sda1', '/dev/mapper/x'),
    type: fc.constantFrom('disk', 'part', 'mpath', 'lvm'),
    fstype: fc.constantFrom(null, 'xfs', 'mpath_member'),
    label,
  })
  const tree = fc.record({ disk: node, children: fc.array(node, { maxLength: 3 }) })
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 2 }), fc.boolean(), (devices, isProbed) => {
      const report = {
        lsblk: lsblk(...(devices as object[])),
        blkid: isProbed ? blkid({ '/dev/sda': {} }) : '',
      }
      const result = decide(report)
      const text = report.lsblk
      const holdsData = text.includes('"part"') || text.includes('"xfs"')
      return (!result.startsWith('proceed') || (!holdsData && isProbed)) && /^[ -~]*$/.test(result)
    }),
    { numRuns: 300 },
  )
  t.end()
})
