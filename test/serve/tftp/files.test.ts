import { chmodSync, renameSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { createFiles, type ServedFile } from '../../../src/serve/tftp/files.ts'
import { openFilesBelow } from '../../support/open-files.ts'
import { until } from '../../support/until.ts'

const limits = { cacheOctets: 100, chunkOctets: 10 }

async function readAll(file: ServedFile): Promise<string> {
  let text = ''
  for (let index = 0; index < file.chunkCount; index++)
    text += Buffer.from(await file.chunk(index)).toString()
  return text
}

t.test('a file is read in chunks', async (t) => {
  const path = join(t.testdir({ f: 'abcdefghijklmnopqrstuvwxyz' }), 'f')
  const file = await createFiles(limits).open(path)
  t.equal(file.octets, 26)
  t.equal(file.chunkCount, 3)
  t.equal(await readAll(file), 'abcdefghijklmnopqrstuvwxyz')
  file.close()
})

t.test('an empty file has no chunks', async (t) => {
  const file = await createFiles(limits).open(join(t.testdir({ f: '' }), 'f'))
  t.equal(file.octets, 0)
  t.equal(file.chunkCount, 0)
  file.close()
})

t.test('transfers of one file share its chunks', async (t) => {
  const files = createFiles(limits)
  const path = join(t.testdir({ f: 'abcdefghijkl' }), 'f')
  const [one, two] = await Promise.all([files.open(path), files.open(path)])
  const [first, second] = [one.chunk(0), two.chunk(0)]
  t.equal(await first, await second)
  t.equal(one.chunk(0), await first, 'a chunk that was read is there at once')
  one.close()
  t.equal(await readAll(two), 'abcdefghijkl')
  two.close()
  const three = await files.open(path)
  t.equal(three.chunk(0), await first, 'and stays when no transfer reads the file')
  three.close()
})

t.test('descriptors are closed, also while chunks are being read', async (t) => {
  const files = createFiles(limits)
  const folder = t.testdir({ f: 'abcdefghijkl' })
  const path = join(folder, 'f')
  const [one, two] = await Promise.all([files.open(path), files.open(path)])
  const pending = one.chunk(1)
  t.same(openFilesBelow(folder), [path])
  one.close()
  two.close()
  t.equal(Buffer.from(await pending).toString(), 'kl')
  await until(() => openFilesBelow(folder).length === 0)
})

t.test('a replaced file: active transfers keep the old version, new ones get the new version', async (t) => {
  const files = createFiles(limits)
  const path = join(t.testdir({ f: 'old old old old', g: 'new new new new' }), 'f')
  const old = await files.open(path)
  await old.chunk(0)
  renameSync(path.replace(/f$/, 'g'), path)
  const fresh = await files.open(path)
  t.equal(await readAll(fresh), 'new new new new')
  t.equal(await readAll(old), 'old old old old')
  old.close()
  fresh.close()
})

const changes = [
  { name: 'shrank', change: (path: string) => truncateSync(path, 12) },
  { name: 'was written over', change: (path: string) => writeFileSync(path, 'abcdefghijXYZ') },
  { name: 'was touched', change: (path: string) => utimesSync(path, 1, 1) },
]

for (const { name, change } of changes) {
  t.test(`a file that ${name} during a transfer is not mixed`, async (t) => {
    const path = join(t.testdir({ f: 'abcdefghijklm' }), 'f')
    utimesSync(path, 1000, 1000)
    const file = await createFiles(limits).open(path)
    t.equal(Buffer.from(await file.chunk(0)).toString(), 'abcdefghij')
    change(path)
    await t.rejects(Promise.resolve(file.chunk(1)), {
      name: 'CannotRead',
      code: 0,
      message: 'the file changed while it was being sent',
    })
    file.close()
  })
}

t.test('memory is bounded: the least recently used chunk is dropped first', async (t) => {
  const files = createFiles({ cacheOctets: 25, chunkOctets: 10 })
  const folder = t.testdir({ a: 'aaaaaaaaaa', b: 'bbbbbbbbbb', c: 'cccccccccc' })
  const open = (name: string) => files.open(join(folder, name))
  const [a, b, c] = await Promise.all([open('a'), open('b'), open('c')])
  const first = await a.chunk(0)
  await b.chunk(0)
  t.equal(a.chunk(0), first)
  await c.chunk(0)
  t.equal(a.chunk(0), first, 'used after b')
  t.equal(b.chunk(0) instanceof Promise, true)
  for (const file of [a, b, c]) file.close()
})

const refusals = [
  { name: 'is absent', path: 'nothing', code: 1, message: 'no such file' },
  { name: 'is below a file', path: 'f/g', code: 1, message: 'no such file' },
  { name: 'is a directory', path: '.', code: 2, message: 'not a regular file' },
  { name: 'is a device', path: '/dev/zero', code: 2, message: 'not a regular file' },
]

for (const { name, path, code, message } of refusals) {
  t.test(`refused: a path that ${name}`, async (t) => {
    const folder = t.testdir({ f: 'f' })
    await t.rejects(createFiles(limits).open(resolve(folder, path)), { name: 'CannotRead', code, message })
  })
}

t.test(
  'refused: files that must not be read',
  { skip: process.getuid?.() === 0 && 'root may read all' },
  async (t) => {
    const path = join(t.testdir({ f: 'f' }), 'f')
    chmodSync(path, 0)
    await t.rejects(createFiles(limits).open(path), { code: 2, message: 'no permission to read the file' })
  },
)

t.test("refused: a file that the system cannot open, with the system's message", async (t) => {
  const path = join(t.testdir({ f: t.fixture('symlink', 'f') }), 'f')
  await t.rejects(createFiles(limits).open(path), { code: 0, message: /^the file cannot be read: ELOOP: / })
})
