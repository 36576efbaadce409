import t from 'tap'
import { parseDiskReport } from '../../src/install/disk-report.ts'

const one = (device: string) =>
  `slipway-disk 1\ndevice: ${device}\npath: ${device}\n--- lsblk\n{}\n\n--- blkid\ndevice=${device}\n\n`
const inventory = 'slipway-disks 1\n--- lsblk\n{"blockdevices": []}\n\n--- udev\ndevice=/dev/sda\n'

t.test('a report can have several disks, and the list of all disks', (t) => {
  t.match(parseDiskReport(one('/dev/sda') + one('/dev/sdb') + inventory), {
    device: '/dev/sda',
    others: [{ device: '/dev/sdb', lsblk: '{}\n' }],
    inventory: { lsblk: '{"blockdevices": []}\n', udev: 'device=/dev/sda\n' },
  })
  t.same(Object.keys(parseDiskReport(one('/dev/sda'))!), ['device', 'path', 'lsblk', 'blkid'])
  t.end()
})

t.test('a report with a part in another form is refused', (t) => {
  for (const body of [
    inventory,
    one('/dev/sda') + inventory + one('/dev/sdb'),
    one('/dev/sda') + one('/etc/passwd'),
    one('/dev/sda') + 'slipway-disks 1\n--- lsblk\n',
  ]) {
    t.equal(parseDiskReport(body), undefined, JSON.stringify(body))
  }
  t.end()
})
