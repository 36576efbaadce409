/** The report of an inventory system, as it arrives. */
import { guest } from './inventory-site.ts'

export const exampleReport = {
  version: 1,
  vendor: 'QEMU',
  product: 'Standard PC (Q35 + ICH9, 2009)',
  serial: 'SN-0001',
  uuid: '4c4c4544-0000-4000-8000-525400000099',
  cpus: 4,
  memoryMiB: 2048,
  interfaces: [
    { name: 'eth0', mac: guest, hasLink: true, speedMbps: 10_000 },
    { name: 'eth1', mac: '52:54:00:00:00:0A', hasLink: false },
  ],
  disks: [
    {
      name: '/dev/sda',
      bytes: 480_103_981_056,
      model: 'PERC H755',
      serial: '00a1b2c3',
      wwn: '0x6f4ee08012345678',
      rotational: false,
    },
    { name: '/dev/vda', bytes: 10_737_418_240 },
  ],
  bmc: { address: '192.0.2.99', mac: '52:54:00:00:00:0b' },
}
