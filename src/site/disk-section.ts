/**
 * The keys of the site file that select the disks to install on: `disk`, `mirror`, `multipath`, and `savePartitions`. The
 * hints have the names of `rootDeviceHints` in agent-config.yaml and in a BareMetalHost (docs/decisions/0053).
 */
import { z } from 'zod'
import { diskPath, matching, oneOrMore, wholeNumber } from './scalars.ts'

const hintText = matching('up to 200 printable ASCII characters', /^[\x21-\x7e][\x20-\x7e]{0,199}$/)

const hintFields = {
  deviceName: diskPath.optional().meta({
    description: 'device, or a symbolic link to it, such as /dev/disk/by-id/…; matches exactly',
    examples: ['/dev/disk/by-id/ata-QEMU_HARDDISK_QM00001'],
  }),
  byPath: matching('a path under /dev/disk/by-path/', /^\/dev\/disk\/by-path\/[\x21-\x7e]+$/)
    .optional()
    .meta({
      description: 'position of the disk, as a link in /dev/disk/by-path',
      examples: ['/dev/disk/by-path/pci-0000:00:1f.2-ata-1'],
    }),
  hctl: matching('a SCSI address such as 0:0:0:0', /^\d+:\d+:\d+:\d+$/)
    .optional()
    .meta({ description: 'SCSI address: host, channel, target, and LUN', examples: ['0:0:0:0'] }),
  model: hintText.optional().meta({ description: 'part of the model name', examples: ['PERC H755'] }),
  vendor: hintText.optional().meta({ description: 'part of the name of the vendor', examples: ['DELL'] }),
  serialNumber: hintText.optional().meta({ description: 'serial number; matches exactly' }),
  minSizeGigabytes: wholeNumber(1, 10_000_000, ' of gigabytes')
    .optional()
    .meta({ description: 'minimum size in gigabytes (1,000,000,000 bytes)', examples: [120] }),
  wwn: hintText.optional().meta({
    description: 'World Wide Name, with or without its vendor extension; matches exactly',
    examples: ['0x5002538e40d6a1b2'],
  }),
  wwnWithExtension: hintText
    .optional()
    .meta({ description: 'World Wide Name with its vendor extension; matches exactly' }),
  wwnVendorExtension: hintText
    .optional()
    .meta({ description: 'vendor extension of the World Wide Name; matches exactly' }),
  rotational: z
    .boolean()
    .optional()
    .meta({ description: 'true: a hard disk; false: an SSD or another disk that does not rotate' }),
} as const

export const diskHints = z
  .strictObject(hintFields)
  .check(({ value, issues }) => {
    if (issues.length > 0 || Object.values(value).some((each) => each !== undefined)) return
    issues.push({ code: 'custom', input: value, path: [], message: 'expected at least one hint' })
  })
  .meta({
    description:
      'properties of the disk, as in rootDeviceHints; exactly one disk of the machine must match all of them',
  })

export type DiskHints = z.output<typeof diskHints>

const partitionIndex = matching(
  'a partition number or a range such as 5-, -3, or 5-7',
  /^(?:\d+|\d+-\d*|-\d+)$/,
)

const savePartitions = z
  .strictObject({
    labels: oneOrMore(
      matching(
        'a partition label, with * and ? as wildcards, without commas and spaces',
        /^(?!.*\$\{)[^\s,]{1,36}$/,
      ),
    )
      .optional()
      .meta({ description: 'labels of GPT partitions to keep; * and ? are wildcards', examples: ['data*'] }),
    indexes: oneOrMore(partitionIndex)
      .optional()
      .meta({ description: 'numbers of GPT partitions to keep, or ranges of them', examples: ['5-'] }),
  })
  .check(({ value, issues }) => {
    if (issues.length > 0 || value.labels !== undefined || value.indexes !== undefined) return
    issues.push({ code: 'custom', input: value, path: [], message: 'expected labels or indexes' })
  })
  .meta({ description: 'partitions of the disk that the installer keeps, for example for data' })

export type SavePartitions = z.output<typeof savePartitions>

/** Keys of a cluster and of a node. */
export const diskSettings = {
  disk: z
    .union([diskPath, diskHints], {
      error: 'expected the path of a whole disk such as /dev/sda, or a map of hints such as wwn',
    })
    .optional()
    .meta({
      description:
        'disk to install on: its path, or a map of hints, which the live system compares with the disks of the machine',
    }),
  mirror: z
    .array(diskPath)
    .min(2, 'expected two or more disks')
    .optional()
    .meta({
      description:
        'two or more disks for a software RAID 1, instead of disk; the installer writes the first one, and Ignition creates the mirror at the first boot',
      examples: [['/dev/sda', '/dev/sdb']],
    }),
  multipath: z.boolean().optional().meta({
    description:
      'true: the disk has several paths (SAN); the live system and the installed system use multipathd, and disk is a multipath device',
  }),
  savePartitions: savePartitions.optional(),
}
