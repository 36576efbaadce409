import fc from 'fast-check'
import t from 'tap'
import { openFat } from '../../src/images/fat.ts'
import type { ReadAt } from '../../src/images/iso9660.ts'
import { buildFat } from '../support/iso.ts'

const shim = Buffer.from(Uint8Array.from({ length: 3000 }, (_, at) => at & 255))
const files = {
  'efi/redhat/shimx64.efi': shim,
  'efi/boot/bootx64.efi': Buffer.from('MZ'),
  readme: Buffer.from('x'),
}

const reader =
  (image: Uint8Array): ReadAt =>
  (offset, octets) =>
    offset + octets <= image.length
      ? Promise.resolve(image.subarray(offset, offset + octets))
      : Promise.reject(new Error('outside'))

for (const [name, clusters] of [
  ['FAT12', 2000],
  ['FAT16', 5000],
  ['FAT32', 66_000],
] as const) {
  t.test(`${name}: directories and files`, async (t) => {
    const fat = await openFat(reader(buildFat(files, clusters)))
    t.same(
      (await fat.list([]))!.map((each) => each.name),
      ['efi', 'readme'],
    )
    t.same(
      (await fat.list(['efi']))!.map((each) => each.name),
      ['redhat', 'boot'],
    )
    const [entry] = (await fat.list(['efi', 'redhat']))!
    t.match(entry, { name: 'shimx64.efi', isDirectory: false, octets: 3000 })
    t.same(await fat.read(entry!), shim)
    t.equal(await fat.list(['efi', 'fedora']), undefined)
    t.equal(await fat.list(['readme']), undefined, 'a file is not a directory')
  })
}

t.test('what is not FAT, or is damaged, is refused', async (t) => {
  const damaged = (change: (image: Buffer) => void) => {
    const image = buildFat(files)
    change(image)
    return openFat(reader(image))
  }
  await t.rejects(openFat(reader(Buffer.alloc(512))), { code: 'image.iso-invalid' })
  await t.rejects(
    damaged((image) => image.writeUInt8(3, 13)),
    { message: /no FAT file system/ },
  )
  await t.rejects(
    damaged((image) => image.writeUInt16LE(60_000, 22)),
    { message: /table has more/ },
  )
  await t.rejects(
    damaged((image) => image.writeUInt16LE(1, 22)),
    { message: /table is too short/ },
  )
  await t.rejects(
    damaged((image) => image.writeUInt32LE(1, 32)),
    { message: /table is too short/ },
  )
  const fat = await openFat(reader(buildFat(files)))
  const entry = { name: 'big.efi', isDirectory: false, cluster: 2 }
  t.throws(() => fat.read({ ...entry, octets: 64 * 1024 * 1024 }), { message: /maximum/ })
  await t.rejects(fat.read({ ...entry, octets: 1_000_000 }), { message: /ends early/ })
  await t.rejects(fat.read({ ...entry, cluster: 0, octets: 10 }), { message: /ends early/ })
})

t.test('a directory whose chain has no end is refused', async (t) => {
  const image = buildFat({ 'efi/a': Buffer.from('a') }, 5000)
  const fat = await openFat(reader(image))
  const [efi] = (await fat.list([]))!
  image.writeUInt16LE(efi!.cluster, 512 + efi!.cluster * 2)
  const looping = await openFat(reader(image))
  await t.rejects(looping.list(['efi']), { message: /chain has no end/ })
})

t.test('random damage never reads outside of the image', async (t) => {
  const image = buildFat(files)
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 8000 }),
      fc.integer({ min: 0, max: 255 }),
      async (at, value) => {
        const copy = Buffer.from(image)
        copy.writeUInt8(value, at)
        const open = async () => {
          const fat = await openFat(reader(copy))
          for (const entry of (await fat.list(['efi', 'redhat'])) ?? []) await fat.read(entry)
        }
        await open().catch((error: unknown) => {
          if (error instanceof RangeError || !(error instanceof Error)) throw error
        })
      },
    ),
    { numRuns: 300 },
  )
  t.end()
})
