import t from 'tap'
import { observedNode } from '../../support/observed-node.ts'
import { minute, second, symptom, testSymptoms } from '../../support/symptom-cases.ts'

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
    name: 'shim-rejects-grub',
    sick: grubStarts()
      .loader('missing', manager)
      .pass(12 * second)
      .asks('firmware'),
    sound: grubStarts()
      .loader('missing', manager)
      .pass(100 * second)
      .asks('firmware'),
    saw: 'shim fetched GRUB, and then requested its key manager (image-rhcos/mmx64.efi)',
    advice: /same, current release/,
  },
  {
    name: 'shim-rejects-grub',
    sick: grubStarts()
      .pass(2 * second)
      .asks('http-firmware', 2000, 16),
    sound: grubStarts()
      .script('local')
      .pass(2 * second)
      .asks('firmware'),
    saw: 'the firmware started shim but not GRUB: it continued with its next boot entry 2.0 s after it had fetched the file',
    advice: /same, current release/,
  },
  {
    name: 'shim-stopped',
    sick: booted(shim).pass(3 * minute),
    sound: booted(shim).pass(minute),
    saw: 'fetched image-rhcos/shimx64.efi once and requested nothing afterwards',
    advice: /"SBAT self-check failed", use the current shim.*third-party keys/,
  },
  {
    name: 'grub-stopped',
    sick: grubStarts().pass(3 * minute),
    sound: grubStarts().pass(minute),
    saw: 'fetched image-rhcos/grubx64.efi once and never requested its script',
    advice: /GRUB 2.12/,
  },
  {
    name: 'grub-stopped',
    sick: booted({ file: 'image-power/core.elf' }).pass(3 * minute),
    sound: booted({ file: 'image-power/core.elf' }).script('local'),
    saw: 'fetched image-power/core.elf once and never requested its script',
    advice: /console/,
  },
  {
    name: 'kernel-rejected',
    sick: grubStarts().script('install', { role: 'worker' }).fetches('kernel').pass(4000).fetches('kernel'),
    sound: grubStarts().script('install', { role: 'worker' }).fetches('kernel').fetches('initramfs'),
    saw: 'GRUB fetched rhcos-live-kernel-x86_64 twice and never requested the initramfs',
    advice: /one vendor/,
  },
])

t.test('the cause names the CA of shim and its generation, if the file is known', (t) => {
  const signatures = new Map([
    [shim.file, { authorities: ['Microsoft UEFI CA 2011', 'Microsoft UEFI CA 2023'], sbat: 'shim 4' }],
  ])
  const rejected = booted(shim)
    .pass(2 * second)
    .asks('firmware')
  t.match(
    symptom(rejected, { signatures })?.likely,
    'does not trust Microsoft UEFI CA 2011 or Microsoft UEFI CA 2023, which signed it (no key in db)',
  )
  t.match(symptom(rejected)?.likely, 'does not trust the CA of Microsoft (2011 or 2023) that signed it')
  const stopped = booted(shim).pass(3 * minute)
  t.match(symptom(stopped, { signatures })?.likely, 'shim found itself revoked (SBAT shim 4) and turned')
  t.match(symptom(stopped)?.likely, 'shim found itself revoked (SBAT) and turned')
  t.end()
})

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
