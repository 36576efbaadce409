import t from 'tap'
import { architectureOf, holdsSecrets, otherArchitecture, styleOf } from '../../src/plan/image-files.ts'

t.test('which files hold secrets', (t) => {
  const secret = ['agent.x86_64-initrd.img', 'node.aarch64-initrd.img', 'agent.x86_64.iso', 'bootstrap.ign']
  const open = [
    'agent.x86_64-rootfs.img',
    'agent.x86_64-vmlinuz',
    'agent.x86_64.ipxe',
    'rhcos-live-initramfs.x86_64.img',
    'rhcos-live.x86_64.iso',
  ]
  for (const name of secret) t.equal(holdsSecrets(name), true, name)
  for (const name of open) t.equal(holdsSecrets(name), false, name)
  t.end()
})

t.test('the style and the architecture that names show', (t) => {
  const cases = [
    { names: [], style: undefined, architecture: undefined },
    { names: ['live-kernel'], style: 'live', architecture: undefined },
    { names: ['rhcos-installer-kernel-x86_64'], style: 'installer', architecture: 'x86_64' },
    { names: ['agent.aarch64-vmlinuz'], style: 'agent', architecture: 'aarch64' },
    { names: ['live-kernel-x86_64', 'live-kernel.aarch64'], style: 'live', architecture: undefined },
  ]
  for (const { names, style, architecture } of cases) {
    t.equal(styleOf(names), style, names.join())
    t.equal(architectureOf(names), architecture, names.join())
  }
  t.equal(otherArchitecture('live-kernel.aarch64', 'x86_64'), 'aarch64')
  t.equal(otherArchitecture('live-kernel', 'x86_64'), undefined)
  t.end()
})
