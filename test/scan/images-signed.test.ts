import { truncateSync } from 'node:fs'
import t from 'tap'
import { maxLoaderBytes } from '../../src/plan/loader-signature.ts'
import { scanImage } from '../../src/scan/images.ts'
import { peImage, signature } from '../support/pe.ts'

const image = { architecture: 'x86_64' } as const

t.test('signed loaders are found under the names of Red Hat and of Debian', async (t) => {
  for (const [files, expected] of [
    [['shimx64.efi', 'grubx64.efi'], { 'shimx64.efi': 'shimx64.efi', 'grubx64.efi': 'grubx64.efi' }],
    [
      ['shimx64.efi.signed', 'grubnetx64.efi.signed', 'mmx64.efi.signed'],
      {
        'shimx64.efi': 'shimx64.efi.signed',
        'grubx64.efi': 'grubnetx64.efi.signed',
        'mmx64.efi': 'mmx64.efi.signed',
      },
    ],
    [['shimaa64.efi', 'shimx64.efi.part'], { 'shimaa64.efi': 'shimaa64.efi' }],
  ] as const) {
    const dir = t.testdir(Object.fromEntries(files.map((name) => [name, 'MZ'])))
    const { signed } = await scanImage({ ...image, dir })
    const names = [...(signed ?? [])].map(([name, { path }]) => [name, path.slice(dir.length + 1)] as const)
    t.same(Object.fromEntries(names), expected)
  }
})

t.test('a loader that is not a file, and a directory without loaders', async (t) => {
  const dir = t.testdir({ 'shimx64.efi': {}, other: '' })
  t.equal((await scanImage({ ...image, dir })).signed, undefined)
})

t.test('the scan reads who signed a loader, and skips files that are not loaders', async (t) => {
  const shim = peImage([signature('Microsoft UEFI CA 2023')])
  const dir = t.testdir({ 'shimx64.efi': shim, 'grubx64.efi': 'no loader' })
  truncateSync(`${dir}/grubx64.efi`, maxLoaderBytes + 1)
  const { signed } = await scanImage({ ...image, dir })
  t.same(signed?.get('shimx64.efi')?.signature, { authorities: ['Microsoft UEFI CA 2023'] })
  t.equal(signed?.get('grubx64.efi')?.signature, undefined)
})
