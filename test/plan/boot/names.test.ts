import t from 'tap'
import type { BootEntry } from '../../../src/plan/http/plan.ts'
import { isOptionalName, isSuffixOf, readBootName } from '../../../src/plan/boot/names.ts'
import { readScriptName, scriptPath } from '../../../src/plan/urls.ts'

t.test('names that boot loaders request', (t) => {
  const boot = { name: 'boot', syntax: 'grub', isSkipping: false } as const
  for (const [name, expected] of [
    ['grub/grub.cfg', { kind: 'entry', syntax: 'grub' }],
    ['grub.cfg', { kind: 'entry', syntax: 'grub' }],
    [
      'image-rhcos/grub.cfg-01-52-54-00-00-00-21',
      { kind: 'entry', syntax: 'grub', for: '01-52-54-00-00-00-21' },
    ],
    ['EFI/redhat/grub.cfg-AC100015', { kind: 'entry', syntax: 'grub', for: 'ac100015' }],
    [
      'bios/pxelinux.cfg/01-52-54-00-00-00-21',
      { kind: 'entry', syntax: 'pxelinux', for: '01-52-54-00-00-00-21' },
    ],
    ['pxelinux.cfg/AC100015', { kind: 'entry', syntax: 'pxelinux', for: 'ac100015' }],
    ['pxelinux.cfg/default', { kind: 'entry', syntax: 'pxelinux' }],
    ['boot.scr.uimg', { kind: 'entry', syntax: 'uboot' }],
    ['boot/ocp45/m1/boot.uboot', { kind: 'script', node: 'ocp45/m1', script: { ...boot, syntax: 'uboot' } }],
    ['boot/ocp45/m1/boot.grub', { kind: 'script', node: 'ocp45/m1', script: boot }],
    ['boot/ocp45/m1/unknown.grub', undefined],
    ['boot/ocp45/m1/token/written', undefined],
    ['boot/boot.grub', undefined],
    ['images/rhcos/kernel%2B1', { kind: 'image', image: 'rhcos', file: 'kernel+1' }],
    ['images/rhcos/%', undefined],
    ['images/%E0/kernel', undefined],
    ['images/rhcos/sub/kernel', undefined],
    ['images', undefined],
    ['efi/snponly.efi', undefined],
    ['grub.cfgs', undefined],
  ] as const) {
    t.same(readBootName(name), expected, name)
  }
  t.end()
})

t.test('a script name has a syntax, and can have a role or skip the wait', (t) => {
  const node = { key: 'ocp45/m1' }
  for (const [file, expected] of [
    ['install-master.grub', { name: 'install', role: 'master', syntax: 'grub', isSkipping: false }],
    ['skip-boot.grub', { name: 'boot', syntax: 'grub', isSkipping: true }],
    ['menu.ipxe', { name: 'menu', syntax: 'ipxe', isSkipping: false }],
    ['install-infra.grub', undefined],
    ['boot.cfg', undefined],
  ] as const) {
    t.same(readScriptName(file), expected)
  }
  t.equal(scriptPath(node, 'grub'), '/boot/ocp45/m1/boot.grub')
  t.equal(scriptPath(node, 'grub', 'worker', true), '/boot/ocp45/m1/skip-install-worker.grub')
  t.end()
})

t.test('the suffix of a configuration is the MAC address or the whole address of the node', (t) => {
  const node = { mac: '52:54:00:00:00:21', otherMacs: ['52:54:00:00:00:22'] } as unknown as BootEntry
  for (const [suffix, expected] of [
    ['01-52-54-00-00-00-21', true],
    ['01-52-54-00-00-00-22', true],
    ['01-52-54-00-00-00-23', false],
    ['ac100015', true],
    ['ac10001', false],
  ] as const) {
    t.equal(isSuffixOf(node, '172.16.0.21', suffix), expected, suffix)
  }
  t.equal(isSuffixOf(node, '2001:db8::21', 'ac100015'), false, 'an IPv6 address has no such suffix')
  t.end()
})

t.test('files that a loader can boot without', (t) => {
  for (const name of [
    'autoexec.ipxe',
    '/grub/x86_64-efi/http.mod',
    '/grub/x86_64-efi/command.lst',
    '/grub/fonts/unicode.pf2',
    'grub/grub.cfg-01-52-54-00-00-00-21',
    'bios/pxelinux.cfg/44454c4c-0000-8000-4000-525400000021',
    'boot.scr.uimg',
    'image-rhcos/revocations.efi',
    'image-rhcos/revocations_sbat.efi',
    'image-rhcos/shim_certificate_0.efi',
  ]) {
    t.equal(isOptionalName(name), true, name)
  }
  for (const name of ['image-rhcos/grubx64.efi', 'image-rhcos/mmx64.efi', 'efi/snponly.efi', 'mod']) {
    t.equal(isOptionalName(name), false, name)
  }
  t.end()
})
