/** The fixtures are the output of Butane 0.25.1 (fcos 1.5.0, boot_device.mirror) for each layout. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { mirrorStorage } from '../../../src/plan/disks/mirror.ts'
import { structureFaults } from '../../../src/scan/ignition/structure.ts'

const paths = ['/dev/sda', '/dev/disk/by-id/wwn-0x5002538e40d6a1b2']

for (const architecture of ['x86_64', 'aarch64', 'ppc64le']) {
  t.test(`a mirror on ${architecture} is what Butane writes`, (t) => {
    const file = new URL(`../../fixtures/ignition/mirror/${architecture}.ign`, import.meta.url)
    const { storage } = JSON.parse(readFileSync(file, 'utf8')) as { storage: object }
    t.same(mirrorStorage(paths, architecture), storage)
    t.same(
      structureFaults({ ignition: { version: '3.1.0' }, storage: mirrorStorage(paths, architecture) }),
      [],
    )
    t.end()
  })
}

t.test('an architecture that Butane does not know has the layout of x86_64', (t) => {
  t.same(mirrorStorage(paths, 'riscv64'), mirrorStorage(paths, 'x86_64'))
  t.end()
})
