import t from 'tap'
import { observedNode } from '../../support/observed-node.ts'
import { second, symptom, testSymptoms } from '../../support/symptom-cases.ts'

const shim = { file: 'image-rhcos/shimx64.efi' }
const grub = { file: 'image-rhcos/grubx64.efi' }
const manager = { file: 'image-rhcos/mmx64.efi' }
const booted = (loader: { file: string }) => observedNode().asks('firmware').loader('sent', loader)
const grubStarts = () => booted(shim).loader('sent', grub)

testSymptoms(t, [
  {
    name: 'signature-rejected',
    sick: booted({ file: 'efi/snponly.efi' })
      .pass(3 * second)
      .asks('http-firmware', 2000, 16),
    sound: booted({ file: 'efi/snponly.efi' })
      .pass(3 * second)
      .asks('ipxe'),
    saw: 'the firmware rejected efi/snponly.efi: it continued with its next boot entry 3.0 s after it had fetched the file',
    advice: /loader: shim/,
  },
  {
    name: 'shim-rejected',
    sick: booted(shim)
      .pass(2 * second)
      .asks('firmware'),
    sound: booted(shim)
      .pass(100 * second)
      .asks('firmware'),
    saw: 'the firmware rejected image-rhcos/shimx64.efi: it continued with its next boot entry 2.0 s after it had fetched the file',
    advice: /third-party keys/,
  },
  {
    name: 'shim-rejects-grub',
    sick: grubStarts().loader('missing', manager),
    sound: grubStarts(),
    saw: 'shim fetched GRUB, and then requested its key manager (image-rhcos/mmx64.efi)',
    advice: /same, current release/,
  },
  {
    name: 'kernel-rejected',
    sick: grubStarts().script('install', { role: 'worker' }).fetches('kernel').pass(4000).fetches('kernel'),
    sound: grubStarts().script('install', { role: 'worker' }).fetches('kernel').fetches('initramfs'),
    saw: 'GRUB fetched rhcos-live-kernel-x86_64 twice and never requested the initramfs',
    advice: /one vendor/,
  },
])

t.test('a loader of BIOS firmware has no signature, and a script shows that a loader runs', (t) => {
  const bios = { file: 'bios/undionly.kpxe' }
  t.equal(symptom(booted(bios).pass(second).asks('firmware')), undefined)
  t.equal(symptom(grubStarts().script('local').pass(second).asks('firmware')), undefined)
  t.end()
})

t.test('the second rejection in one pass through the boot order is reported too', (t) => {
  const life = booted({ file: 'efi/snponly.efi' })
    .pass(3 * second)
    .asks('http-firmware', 2000, 16)
    .loader('sent', { file: 'efi/snponly.efi', by: 'http' })
  t.match(symptom(life), { name: 'signature-rejected' })
  t.end()
})
