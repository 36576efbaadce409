import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { ImageProblem } from '../../src/images/codes.ts'
import { octetReader } from '../../src/images/import.ts'
import {
  blockOctets,
  decodeHeader,
  decodePax,
  encodeHeader,
  paddingAfter,
  type TarFile,
} from '../../src/images/tar.ts'

/** What a reader makes of the header blocks of one file. */
function decoded(blocks: Uint8Array): { path: string; octets: number } {
  const first = decodeHeader(blocks.subarray(0, blockOctets))
  if (first.kind === 'file') return { path: first.path, octets: first.octets }
  if (first.kind !== 'pax') throw new Error(`a ${first.kind} comes first`)
  const records = blocks.subarray(blockOctets, blockOctets + first.octets)
  const own = decodeHeader(blocks.subarray(blockOctets + first.octets + paddingAfter(first.octets)))
  if (own.kind !== 'file') throw new Error(`a ${own.kind} comes after the records`)
  return { path: own.path, octets: own.octets, ...decodePax(records) }
}

const files: readonly (TarFile & { readonly name: string; readonly blocks: number })[] = [
  { name: 'a short name', path: 'rhcos/kernel', octets: 12, modifiedSeconds: 0, blocks: 1 },
  { name: 'a name that fills its field', path: 'x'.repeat(100), octets: 0, modifiedSeconds: 1e9, blocks: 1 },
  {
    name: 'a name that is too long for ustar',
    path: 'x'.repeat(101),
    octets: 1,
    modifiedSeconds: 1e9,
    blocks: 3,
  },
  { name: 'the largest size of ustar', path: 'a/b', octets: 8 ** 11 - 1, modifiedSeconds: 1e9, blocks: 1 },
  {
    name: 'a size that is too large for ustar',
    path: 'a/b',
    octets: 8 ** 11,
    modifiedSeconds: 1e9,
    blocks: 3,
  },
]

for (const { name, blocks, ...file } of files) {
  t.test(`a header for ${name}`, (t) => {
    const header = encodeHeader(file)
    t.equal(header.length, blocks * blockOctets)
    t.same(decoded(header), { path: file.path, octets: file.octets })
    t.end()
  })
}

t.test('a header follows the standard, octet by octet', (t) => {
  const header = encodeHeader({ path: 'a/b', octets: 0o17, modifiedSeconds: 0o777 })
  const text = new TextDecoder().decode(header)
  t.equal(text.slice(0, 4), 'a/b\0', 'name')
  t.equal(text.slice(100, 108), '0000644\0', 'mode')
  t.equal(text.slice(108, 124), '0000000\x000000000\0', 'uid, gid')
  t.equal(text.slice(124, 136), '00000000017\0', 'size')
  t.equal(text.slice(136, 148), '00000000777\0', 'mtime')
  t.equal(text.slice(156, 157), '0', 'typeflag')
  t.equal(text.slice(257, 265), 'ustar\x0000', 'magic, version')
  t.match(text.slice(148, 156), /^[0-7]{6}\0 $/, 'chksum')
  t.end()
})

t.test('every encoded header decodes to the same values', (t) => {
  const path = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 300 })
    .filter((text) => !text.includes('\0'))
  const octets = fc.integer({ min: 0, max: 2 ** 45 })
  fc.assert(
    fc.property(path, octets, (path, octets) => {
      const header = encodeHeader({ path, octets, modifiedSeconds: 1e9 })
      const found = decoded(header)
      if (header.length % blockOctets !== 0) throw new Error(`${header.length} octets are not whole blocks`)
      if (found.path !== path || found.octets !== octets) throw new Error(JSON.stringify(found))
    }),
    { numRuns: 300 },
  )
  t.end()
})

const onlyProblems = (run: () => void) => {
  try {
    run()
  } catch (error) {
    if (!(error instanceof ImageProblem)) throw error
  }
}

t.test('arbitrary octets decode to a header or to records, or throw ImageProblem', (t) => {
  const block = fc.uint8Array({ minLength: blockOctets, maxLength: blockOctets })
  fc.assert(
    fc.property(block, (octets) => onlyProblems(() => decodeHeader(octets))),
    { numRuns: 200 },
  )
  const damaged = fc.tuple(fc.nat({ max: blockOctets - 1 }), fc.nat({ max: 255 }))
  fc.assert(
    fc.property(damaged, ([at, octet]) => {
      const header = encodeHeader({ path: 'a/b', octets: 5, modifiedSeconds: 1e9 })
      header[at] = octet
      onlyProblems(() => decodeHeader(header))
    }),
    { numRuns: 300 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => onlyProblems(() => decodePax(octets))),
    { numRuns: 300 },
  )
  t.end()
})

/** A header with one field set, and the sum that goes with it. */
function headerWith(start: number, text: string): Uint8Array {
  const header = encodeHeader({ path: 'a/b', octets: 5, modifiedSeconds: 1e9 })
  header.set(new TextEncoder().encode(text), start)
  header.fill(0x20, 148, 156)
  const sum = header.reduce((total, octet) => total + octet, 0)
  header.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
  return header
}

const links = ['1', '2', '3', '4', '6', '7', 'L', 'K', 'g', 'S'].map((typeflag) => ({
  name: `of type ${typeflag}`,
  block: headerWith(156, typeflag),
  message: `the archive contains an entry that is not a regular file (type "${typeflag}")`,
}))
const refused = [
  ...links,
  {
    name: 'with a wrong checksum',
    block: encodeHeader({ path: 'a/b', octets: 5, modifiedSeconds: 1e9 }).fill(0x41, 0, 1).fill(0x42, 1, 2),
    message: 'this is not a tar archive, or it is damaged: the checksum of a header is wrong',
  },
  {
    name: 'with a negative size',
    block: headerWith(124, '-0000000017'),
    message: 'this is not a tar archive, or it is damaged: a header has no size',
  },
  {
    name: 'with a size in base 256',
    block: headerWith(124, '\x80\0\0\0\0\0\0\0\0\0\0\x05'),
    message: 'this is not a tar archive, or it is damaged: a header has no size',
  },
  {
    name: 'of text',
    block: new Uint8Array(blockOctets).fill(0x41),
    message: 'this is not a tar archive, or it is damaged: a header has no chksum',
  },
  {
    name: 'with more records than allowed',
    block: (() => {
      const block = headerWith(124, '00077777777')
      block[156] = 'x'.charCodeAt(0)
      return headerAgain(block)
    })(),
    message: 'the archive is damaged: an extended header has 16777215 bytes, more than the maximum of 65536',
  },
]

function headerAgain(block: Uint8Array): Uint8Array {
  block.fill(0x20, 148, 156)
  const sum = block.reduce((total, octet) => total + octet, 0)
  block.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
  return block
}

for (const { name, block, message } of refused) {
  t.test(`a header ${name} is refused`, (t) => {
    t.throws(() => decodeHeader(block), { name: 'ImageProblem', message })
    t.end()
  })
}

t.test('zeros end the archive, type 5 is a directory, and the prefix of ustar precedes the name', (t) => {
  t.same(decodeHeader(new Uint8Array(blockOctets)), { kind: 'end' })
  t.same(decodeHeader(headerWith(156, '5')), { kind: 'directory' })
  t.same(decodeHeader(headerWith(345, 'far/away')), { kind: 'file', path: 'far/away/a/b', octets: 5 })
  t.same(decodeHeader(headerAgain(headerWith(345, 'far').fill(0, 257, 263))), {
    kind: 'file',
    path: 'a/b',
    octets: 5,
  })
  t.same(decodeHeader(headerWith(156, '\0')), { kind: 'file', path: 'a/b', octets: 5 })
  t.end()
})

const pax = (text: string) => decodePax(new TextEncoder().encode(text))

t.test('LENGTH counts the whole record, and records with other keys are skipped', (t) => {
  t.same(pax('12 path=a/b\n13 size=1024\n19 mtime=12345.678\n'), { path: 'a/b', octets: 1024 })
  t.same(pax('11 path=a=\n'), { path: 'a=' })
  t.same(pax(''), {})
  t.end()
})

const damagedRecords = [
  'x',
  '12 path',
  '5 path=a/b\n',
  '1 \n',
  '13 path=a/b\n',
  '99 path=a/b\n',
  '-1 path=a/b\n',
  '0 a=b\n',
]
for (const text of damagedRecords) {
  t.test(`${JSON.stringify(text)} is not a record`, (t) => {
    t.throws(() => pax(text), {
      message: 'the archive is damaged: an extended header does not consist of records',
    })
    t.end()
  })
}

t.test('a size that is not a number is refused', (t) => {
  for (const text of ['11 size=1x\n', '8 size=\n', '25 size=9999999999999999\n']) {
    t.throws(() => pax(text), { message: 'the archive is damaged: a size is not a number' }, text)
  }
  t.end()
})

const hasTar = spawnSync('tar', ['--version']).status === 0

t.test('tar reads an exported archive', { skip: !hasTar && 'no tar' }, (t) => {
  const long = `image/${'x'.repeat(150)}`
  const contents = [
    { path: 'image/kernel', text: 'kernel' },
    { path: long, text: 'y'.repeat(600) },
  ]
  const pieces = contents.flatMap(({ path, text }) => [
    encodeHeader({ path, octets: text.length, modifiedSeconds: 1e9 }),
    Buffer.from(text),
    Buffer.alloc(paddingAfter(text.length)),
  ])
  const file = `${t.testdir()}/archive.tar`
  writeFileSync(file, Buffer.concat([...pieces, Buffer.alloc(2 * blockOctets)]))
  t.same(execFileSync('tar', ['-tf', file], { encoding: 'utf8' }).trim().split('\n'), ['image/kernel', long])
  t.equal(execFileSync('tar', ['-xOf', file, long], { encoding: 'utf8' }), 'y'.repeat(600))
  t.end()
})

async function* chunked(octets: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (let turn = 0; at < octets.length; turn++) {
    const size = sizes[turn % sizes.length] as number
    yield await Promise.resolve(octets.subarray(at, at + size))
    at += size
  }
}

t.test('take and pass return the requested sizes, whatever the size of the chunks', async (t) => {
  const octets = Uint8Array.from({ length: 1000 }, (_, at) => at % 251)
  const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(sizes, sizes, async (given, wanted) => {
      const reader = octetReader(chunked(octets, given))
      const seen: number[] = []
      for (let turn = 0; seen.length < 600; turn++) {
        const size = wanted[turn % wanted.length] as number
        const most = Math.min(size, 1000 - seen.length)
        if (turn % 2 === 0) seen.push(...((await reader.take(most)) ?? []))
        else await reader.pass(most, (piece) => void seen.push(...piece))
      }
      if (!seen.every((octet, at) => octet === at % 251)) throw new Error('octets are out of place')
    }),
    { numRuns: 50 },
  )
  const reader = octetReader(chunked(octets, [300]))
  await reader.pass(900, () => undefined)
  await t.rejects(reader.take(101), { name: 'RangeError', message: 'the stream ends 1 bytes too early' })
  t.equal(await reader.take(1), undefined)
  await t.rejects(
    reader.pass(1, () => undefined),
    { message: 'the stream ends 1 bytes too early' },
  )
})
