import t from 'tap'
import { systemPatterns } from '../../../src/plan/systems/images.ts'

t.test('the usual names of kernels and of their first file systems', (t) => {
  const { kernel, initramfs } = systemPatterns.debian
  for (const name of ['linux', 'vmlinuz', 'vmlinuz-amd64', 'kernel-amd64']) t.match(name, kernel.pattern)
  for (const name of ['initrd.gz', 'initrd', 'initrd.img', 'initramfs-amd64.xz'])
    t.match(name, initramfs.pattern)
  t.match('ubuntu-24.04.1-live-server-amd64.iso', systemPatterns.ubuntu.download?.pattern)
  t.match('flatcar_production_image.bin.bz2', systemPatterns.flatcar.download?.pattern)
  t.notMatch('flatcar_production_image.bin.bz2.sig', systemPatterns.flatcar.download?.pattern)
  t.end()
})
