/** What undeclared machines reported in an inventory boot, and the disk of a report as the site file selects it. Pure. */
import type { StoredReport } from '../../inventory/inventory.ts'
import type { DiskHints } from '../../site/disk-section.ts'
import { formatBytes, pluralize } from '../../text/format.ts'

type ReportedDisk = StoredReport['disks'][number]

/** Returns lines for the list of undeclared machines. */
export function inventoryLines({
  vendor,
  product,
  serial,
  cpus,
  memoryMiB,
  ...parts
}: StoredReport): string[] {
  const { interfaces, disks, bmc } = parts
  const machine = [
    [vendor, product].filter((each) => each !== undefined).join(' '),
    serial === undefined ? '' : `serial number ${serial}`,
    cpus === undefined ? '' : pluralize(cpus, 'CPU'),
    memoryMiB === undefined ? '' : `${formatBytes(memoryMiB * 2 ** 20)} of memory`,
  ].filter((text) => text !== '')
  return [
    ...(machine.length === 0 ? [] : [`  machine ${machine.join(', ')}`]),
    ...disks.map((disk) => `  disk ${diskText(disk)}`),
    ...interfaces.map(({ name = '?', mac, hasLink, speedMbps }) => {
      const link = hasLink === undefined ? [] : [hasLink ? 'link up' : 'no link']
      const speed = speedMbps === undefined ? [] : [`${speedMbps} Mbit/s`]
      return `  interface ${[`${name} ${mac}`, ...link, ...speed].join(', ')}`
    }),
    ...(bmc === undefined
      ? []
      : [
          `  BMC ${[bmc.address ?? 'without a known address', ...(bmc.mac === undefined ? [] : [bmc.mac])].join(', ')}`,
        ]),
  ]
}

function diskText({ name, bytes, model, serial, wwn, rotational }: ReportedDisk): string {
  return [
    name,
    formatBytes(bytes),
    ...(model === undefined ? [] : [model]),
    ...(rotational === undefined ? [] : [rotational ? 'hard disk' : 'SSD']),
    ...(serial === undefined ? [] : [`serial number ${serial}`]),
    ...(wwn === undefined ? [] : [`WWN ${wwn}`]),
  ].join(', ')
}

/** Returns how the site file selects a disk: by what identifies it, because names such as /dev/sda can change. */
export function diskSetting({ name, serial, wwn }: ReportedDisk): string | DiskHints {
  if (wwn !== undefined) return { wwn }
  return serial === undefined ? name : { serialNumber: serial }
}

/** Returns the only disk of a report, or a sentence that explains why it cannot be chosen. */
export function onlyDisk({ disks }: Pick<StoredReport, 'disks'>): ReportedDisk | string {
  const [first, ...others] = disks
  if (first === undefined) return 'the machine reported no disk'
  if (others.length === 0) return first
  const names = disks.map(diskText).join('; ')
  return `the machine reported ${disks.length} disks, choose one with --disk PATH, --disk wwn=WWN, or --disk serialNumber=NUMBER: ${names}`
}
