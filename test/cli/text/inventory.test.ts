import t from 'tap'
import { diskSetting, inventoryLines, onlyDisk } from '../../../src/cli/text/inventory.ts'
import { parseReport } from '../../../src/inventory/report.ts'
import type { StoredReport } from '../../../src/inventory/inventory.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { exampleReport } from '../../support/inventory-report.ts'
import { guest } from '../../support/inventory-site.ts'

function report(change: object = {}): StoredReport {
  const parsed = parseReport(JSON.stringify({ ...exampleReport, ...change }), guest as Mac)
  if (parsed === undefined) throw new Error('not a report')
  return { ...parsed, receivedAt: 0 }
}

t.test('a report has a line for the machine, and for each disk, interface, and the BMC', (t) => {
  t.same(inventoryLines(report()), [
    '  machine QEMU Standard PC (Q35 + ICH9, 2009), serial number SN-0001, 4 CPUs, 2.0 GiB of memory',
    '  disk /dev/sda, 447.1 GiB, PERC H755, SSD, serial number 00a1b2c3, WWN 0x6f4ee08012345678',
    '  disk /dev/vda, 10.0 GiB',
    '  interface eth0 52:54:00:00:00:09, link up, 10000 Mbit/s',
    '  interface eth1 52:54:00:00:00:0a, no link',
    '  BMC 192.0.2.99, 52:54:00:00:00:0b',
  ])
  t.end()
})

t.test('facts that the machine does not report are left out', (t) => {
  const least = { vendor: '', product: '', serial: '', cpus: undefined, memoryMiB: undefined, disks: [] }
  t.same(inventoryLines(report({ ...least, interfaces: [{ mac: guest }], bmc: {} })), [
    '  interface ? 52:54:00:00:00:09',
    '  BMC without a known address',
  ])
  t.same(inventoryLines(report({ ...least, interfaces: [{ mac: guest }], bmc: undefined })), [
    '  interface ? 52:54:00:00:00:09',
  ])
  const disk = { name: '/dev/sdb', bytes: 1024, rotational: true }
  t.same(inventoryLines(report({ ...least, disks: [disk] }))[0], '  disk /dev/sdb, 1.0 KiB, hard disk')
  t.end()
})

t.test('a disk is selected by its WWN, or else its serial number, or else its name', (t) => {
  const disk = { name: '/dev/sda', bytes: 1, serial: 'S1', wwn: '0x5' }
  const setting = (change: object) => diskSetting({ model: undefined, ...disk, ...change })
  t.same(setting({}), { wwn: '0x5' })
  t.same(setting({ wwn: undefined }), { serialNumber: 'S1' })
  t.same(setting({ wwn: undefined, serial: undefined }), '/dev/sda')
  t.end()
})

t.test('only the only disk is chosen', (t) => {
  t.match(onlyDisk(report({ disks: exampleReport.disks.slice(1) })), { name: '/dev/vda' })
  t.equal(onlyDisk(report({ disks: [] })), 'the machine reported no disk')
  t.match(
    onlyDisk(report()),
    /reported 2 disks, choose one with --disk PATH.*: \/dev\/sda, 447\.1 GiB.*; \/dev\/vda/,
  )
  t.end()
})
