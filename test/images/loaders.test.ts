import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { copyLoaders } from '../../src/images/loaders.ts'
import { buildFat, buildIso } from '../support/iso.ts'
import { peImage, signature } from '../support/pe.ts'

const shim = peImage([signature('Microsoft UEFI CA 2023')])
const loaders = {
  'efi/boot/bootx64.efi': Buffer.from('MZ fallback'),
  'efi/redhat/shimx64.efi': shim,
  'efi/redhat/grubx64.efi': Buffer.from('MZ GRUB'),
  'efi/redhat/mmx64.efi': Buffer.from('MZ MokManager'),
  'efi/redhat/grub.cfg': Buffer.from('no loader'),
}

function world(t: Test, iso: Uint8Array) {
  const dir = t.testdir({ image: {} })
  writeFileSync(join(dir, 'live.iso'), iso)
  return { iso: join(dir, 'live.iso'), image: join(dir, 'image') }
}

t.test('shim, GRUB, and the key manager are copied from the EFI image of the ISO', async (t) => {
  const { iso, image } = world(t, buildIso({ 'images/efiboot.img': buildFat(loaders) }))
  t.same(await copyLoaders(iso, image), {
    directory: 'redhat',
    names: ['shimx64.efi', 'grubx64.efi', 'mmx64.efi'],
    signatures: new Map([['shimx64.efi', { authorities: ['Microsoft UEFI CA 2023'] }]]),
  })
  t.same(readFileSync(join(image, 'shimx64.efi')), shim)
  t.equal(existsSync(join(image, 'grub.cfg')), false)
})

t.test(
  'the fallback path of current live ISOs has the only copy of shim, under the name that firmware looks for',
  async (t) => {
    const fat = buildFat({
      'efi/redhat/grub.cfg': Buffer.from('only this file'),
      'efi/boot/bootx64.efi': shim,
      'efi/boot/grubx64.efi': Buffer.from('MZ GRUB'),
      'efi/boot/mmx64.efi': Buffer.from('MZ MokManager'),
      'efi/boot/grub.cfg': Buffer.from('no loader'),
    })
    const { iso, image } = world(t, buildIso({ 'images/efiboot.img': fat }))
    t.same(await copyLoaders(iso, image), {
      directory: 'boot',
      names: ['shimx64.efi', 'grubx64.efi', 'mmx64.efi'],
      signatures: new Map([['shimx64.efi', { authorities: ['Microsoft UEFI CA 2023'] }]]),
    })
    t.same(readFileSync(join(image, 'shimx64.efi')), shim)
    t.same(readFileSync(join(image, 'grubx64.efi')), Buffer.from('MZ GRUB'))
    t.equal(existsSync(join(image, 'bootx64.efi')), false)
  },
)

t.test('aarch64 has names of its own, and a shim with its own name is preferred', async (t) => {
  const fat = buildFat({
    'efi/boot/bootaa64.efi': Buffer.from('MZ fallback'),
    'efi/boot/shimaa64.efi': Buffer.from('MZ shim'),
    'efi/boot/grubaa64.efi': Buffer.from('MZ GRUB'),
  })
  const { iso, image } = world(t, buildIso({ 'images/efiboot.img': fat }))
  t.same((await copyLoaders(iso, image)).names, ['shimaa64.efi', 'grubaa64.efi'])
  t.same(readFileSync(join(image, 'shimaa64.efi')), Buffer.from('MZ shim'))
})

t.test('an ISO without loaders, without an EFI image, or that ends early is refused', async (t) => {
  const fat = buildFat({ 'efi/boot/bootx64.efi': Buffer.from('MZ') })
  const refuse = async (content: Uint8Array, code: string) => {
    const { iso, image } = world(t, content)
    await t.rejects(copyLoaders(iso, image), { code })
  }
  await refuse(buildIso({ 'images/efiboot.img': fat }), 'image.loaders-missing')
  await refuse(buildIso({ 'images/other.img': fat }), 'image.loaders-missing')
  await refuse(buildIso({ 'images/efiboot.img': fat.subarray(0, 1000) }), 'image.iso-invalid')
  await refuse(Buffer.alloc(1000), 'image.iso-invalid')
  await t.rejects(copyLoaders('/nonexistent.iso', '/tmp'), { code: 'image.iso-invalid' })
})
