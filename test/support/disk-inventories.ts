/** Reports about all disks of a machine, as the disk check of the live system writes them. */
import type { InventoryReport } from '../../src/install/disk-inventory.ts'

function inventoryOf(devices: readonly object[], udev: string): InventoryReport {
  return { lsblk: JSON.stringify({ blockdevices: devices }, undefined, 3), udev }
}

/** A virtual disk of a RAID controller, a hard disk, and an NVMe disk. */
export const inventory = inventoryOf(
  [
    {
      ...{
        name: '/dev/sda',
        type: 'disk',
        size: 240_057_409_536,
        ro: false,
        rota: false,
        model: 'PERC H755',
      },
      ...{ serial: 'S1', wwn: '0x6000c500155cc0001', hctl: '0:0:0:0', vendor: null },
      children: [{ name: '/dev/sda1', type: 'part', size: 1e9, ro: false }],
    },
    {
      ...{
        name: '/dev/sdb',
        type: 'disk',
        size: 4_000_787_030_016,
        ro: false,
        rota: true,
        model: 'ST4000  ',
      },
      ...{ serial: 'S2', wwn: '0x5000c500155bbb02', hctl: '1:0:0:0', vendor: 'Seagate ' },
    },
    { name: '/dev/sr0', type: 'rom', size: 1_073_741_312, ro: false, rota: true, model: 'QEMU DVD-ROM' },
    {
      ...{ name: '/dev/nvme0n1', type: 'disk', size: 480_103_981_056, ro: false, rota: false },
      ...{
        model: 'Samsung SSD 970 EVO',
        serial: 'S3',
        wwn: 'eui.0025385b71b0a4c2',
        hctl: null,
        vendor: null,
      },
    },
  ],
  [
    'device=/dev/sda',
    'DEVLINKS=/dev/disk/by-path/pci-0000:00:1f.2-ata-1 /dev/disk/by-id/wwn-0x6000c500155cc0001',
    'ID_WWN=0x6000c500155cc',
    'ID_WWN_VENDOR_EXTENSION=0x0001',
    'ID_WWN_WITH_EXTENSION=0x6000c500155cc0001',
    'device=/dev/sdb',
    'DEVLINKS=/dev/disk/by-id/wwn-0x5000c500155bbb02',
    'ID_SERIAL=SEAGATE_ST_S2',
    'ID_SERIAL_SHORT=S2',
    'ID_WWN=0x5000c500155bbb02',
    'device=/dev/nvme0n1',
    '',
  ].join('\n'),
)

const multipathChild = {
  name: '/dev/mapper/mpatha',
  type: 'mpath',
  size: 1e11,
  ro: false,
  rota: true,
  model: null,
}

/** Two paths to one LUN, as lsblk of RHCOS shows them with `rd.multipath=default`. */
export const multipathInventory = inventoryOf(
  [
    {
      ...{ name: '/dev/sda', type: 'disk', size: 1e11, ro: false, rota: true, model: 'LUN C-Mode' },
      ...{ wwn: '0x600a098000', hctl: '2:0:0:1', vendor: 'NETAPP' },
      children: [multipathChild],
    },
    {
      ...{ name: '/dev/sdb', type: 'disk', size: 1e11, ro: false, rota: true, model: 'LUN C-Mode' },
      ...{ wwn: '0x600a098000', hctl: '3:0:0:1', vendor: 'NETAPP' },
      children: [multipathChild],
    },
  ],
  'device=/dev/mapper/mpatha\nDEVLINKS=/dev/disk/by-id/dm-name-mpatha\n',
)
