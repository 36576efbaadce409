import t from 'tap'
import { scanImage } from '../../src/scan/images.ts'

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
