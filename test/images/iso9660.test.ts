import fc from 'fast-check'
import t from 'tap'
import { findInIso, type ReadAt } from '../../src/images/iso9660.ts'
import { buildIso } from '../support/iso.ts'

const content = Buffer.from('the EFI image')
const iso = buildIso({ 'images/efiboot.img': content, 'boot/readme': Buffer.from('x') })

const reader =
  (image: Uint8Array): ReadAt =>
  (offset, octets) =>
    offset + octets <= image.length
      ? Promise.resolve(image.subarray(offset, offset + octets))
      : Promise.reject(new Error('outside'))

t.test('a file is found by its path, in any case', async (t) => {
  for (const path of [
    ['images', 'efiboot.img'],
    ['IMAGES', 'EFIBOOT.IMG'],
  ]) {
    const extent = (await findInIso(reader(iso), path))!
    t.equal(extent.octets, content.length)
    t.same(iso.subarray(extent.offset, extent.offset + extent.octets), content)
  }
  t.equal(await findInIso(reader(iso), ['images', 'none']), undefined)
  t.equal(await findInIso(reader(iso), ['images']), undefined, 'a directory')
  t.equal(await findInIso(reader(iso), ['boot', 'readme', 'inside']), undefined, 'a file is not a directory')
})

t.test('what is not an ISO, or is damaged, is refused', async (t) => {
  const damaged = (change: (image: Buffer) => void) => {
    const image = Buffer.from(iso)
    change(image)
    return findInIso(reader(image), ['images', 'efiboot.img'])
  }
  await t.rejects(findInIso(reader(Buffer.alloc(40_000)), ['a']), { code: 'image.iso-invalid' })
  await t.rejects(
    damaged((image) => image.writeUInt8(255, 16 * 2048)),
    { message: /no volume descriptor/ },
  )
  await t.rejects(
    damaged((image) => image.writeUInt32LE(0x7fffffff, 16 * 2048 + 156 + 10)),
    { message: /larger than the maximum/ },
  )
  const rootAt = iso.readUInt32LE(16 * 2048 + 156 + 2) * 2048
  await t.rejects(
    damaged((image) => image.writeUInt8(20, rootAt)),
    { message: /record is cut off/ },
  )
  await t.rejects(
    damaged((image) => image.writeUInt8(200, rootAt + 32)),
    { message: /longer than its directory record/ },
  )
})

t.test('random damage is refused or ignored, and never reads outside of the image', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 16 * 2048, max: iso.length - 1 }),
      fc.integer({ min: 0, max: 255 }),
      async (at, value) => {
        const image = Buffer.from(iso)
        image.writeUInt8(value, at)
        await findInIso(reader(image), ['images', 'efiboot.img']).catch((error: unknown) => {
          if (!(error instanceof Error)) throw error
          if (error instanceof RangeError) throw error
        })
      },
    ),
    { numRuns: 300 },
  )
  t.end()
})
