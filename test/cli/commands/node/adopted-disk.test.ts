import t, { type Test } from 'tap'
import { adoptedDisk } from '../../../../src/cli/commands/node/adopted-disk.ts'
import { exampleReport } from '../../../support/inventory-report.ts'
import { guest } from '../../../support/inventory-site.ts'
import { fakeSlipway } from '../../../support/fake-slipway.ts'

const noSocket = '/nonexistent/control.sock'

t.test('a path, and hints, are written as they are given', async (t) => {
  t.equal(await adoptedDisk(undefined, [guest], noSocket), undefined)
  t.equal(await adoptedDisk('/dev/sda', [guest], noSocket), '/dev/sda')
  t.same(await adoptedDisk('wwn=0x5002538e40d6a1b2', [guest], noSocket), { wwn: '0x5002538e40d6a1b2' })
  t.same(await adoptedDisk('serialNumber=S1', [guest], noSocket), { serialNumber: 'S1' })
  for (const text of ['sda', 'model=X', '']) {
    await t.rejects(adoptedDisk(text, [guest], noSocket), /--disk: expected the path of a disk/, text)
  }
})

async function reported(t: Test, seen: readonly object[], macs = ['52:54:00:00:00:01', guest]) {
  const { path } = await fakeSlipway(t, { 'GET /v1/nodes/seen': seen })
  return adoptedDisk('reported', macs, path)
}

t.test('the only disk that the machine reported is chosen', async (t) => {
  const inventory = { ...exampleReport, disks: exampleReport.disks.slice(0, 1) }
  t.same(await reported(t, [{ mac: '52:54:00:00:00:01' }, { mac: guest, inventory }]), {
    wwn: '0x6f4ee08012345678',
  })
})

t.test('without a report, and with several disks, the administrator decides', async (t) => {
  await t.rejects(
    reported(t, [{ mac: guest }], [guest]),
    /52:54:00:00:00:09 did not report its disks: boot it/,
  )
  await t.rejects(reported(t, [{ mac: guest, inventory: exampleReport }]), /reported 2 disks, choose one/)
})
