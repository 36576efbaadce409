import t from 'tap'
import {
  architectureOf,
  holdsSecrets,
  otherArchitecture,
  styleOf,
  agentArguments,
} from '../../src/plan/image-files.ts'

t.test('recognizes files that contain secrets', (t) => {
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

t.test('recognizes the style and the architecture of an image by its file names', (t) => {
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

const cases: readonly { name: string; script: string; expected: string[] | undefined }[] = [
  {
    name: 'a script of openshift-install agent create pxe-files',
    script:
      '#!ipxe\ninitrd --name initrd http://192.0.2.9/a-initrd.img\nkernel http://192.0.2.9/a-vmlinuz initrd=initrd coreos.live.rootfs_url=http://192.0.2.9/a-rootfs.img  fips=1\nboot\n',
    expected: ['fips=1'],
  },
  {
    name: 'a script of the assisted service, whose quotes are for the kernel, not for iPXE',
    script:
      'kernel http://a/kernel?arch=x86_64&version=4.10 initrd=initrd coreos.live.rootfs_url=http://a/r random.trust_cpu=on coreos.inst.persistent-kargs="console=tty1 console=ttyS1,115200n8"\r\n',
    expected: [
      'random.trust_cpu=on',
      'coreos.inst.persistent-kargs="console=tty1',
      'console=ttyS1,115200n8"',
    ],
  },
  {
    name: 'options of iPXE, and a command that follows a failure',
    script: '  kernel --name k --autofree -t 3000 http://a/k rw quiet || goto failed',
    expected: ['rw', 'quiet'],
  },
  { name: 'a kernel without arguments', script: 'kernel http://a/k', expected: [] },
  { name: 'a kernel without anything', script: 'kernel', expected: [] },
  { name: 'no kernel', script: '#!ipxe\nboot\n', expected: undefined },
  {
    name: 'two kernels are ambiguous',
    script: 'kernel http://a/k a\nkernel http://a/k b\n',
    expected: undefined,
  },
  { name: 'a character that no kernel accepts', script: 'kernel http://a/k \u0001', expected: undefined },
]

for (const { name, script, expected } of cases) {
  t.test(name, (t) => {
    t.same(agentArguments(script), expected)
    t.end()
  })
}
