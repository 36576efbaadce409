import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createSharedFiles, type Chunk, type SharedFile } from '../../src/host/shared-files.ts'
import { openFilesBelow } from '../support/open-files.ts'

const text = ({ octets }: Chunk) => Buffer.from(octets).toString()

async function opened(t: Test, content: string, cacheOctets = 100): Promise<SharedFile & { path: string }> {
  const path = join(t.testdir({ f: content }), 'f')
  return { ...(await createSharedFiles({ cacheOctets, chunkOctets: 10 }).open(path)), path }
}

t.test('a file has a size, a modification time, and a number of chunks', async (t) => {
  const path = join(t.testdir({ f: 'abcdefghijkl' }), 'f')
  const before = Date.now()
  const file = await createSharedFiles({ cacheOctets: 100, chunkOctets: 10 }).open(path)
  t.match(file, { octets: 12, chunkOctets: 10, chunkCount: 2 })
  t.equal(Math.abs(file.modifiedMs - before) < 60_000, true)
  t.equal(text(await file.take(1)), 'kl')
  file.close()
})

t.test('memory that all readers released is reused', async (t) => {
  const file = await opened(t, 'aaaaaaaaaabbbbbbbbbbcccccccccc', 10)
  const one = file.take(0)
  const two = file.take(0)
  const first = await one
  t.equal(await two, first)
  const memory = first.octets
  const second = await file.take(1) // takes the place of the first in the cache
  first.release()
  t.equal(text(first), 'aaaaaaaaaa', 'still held by the other reader')
  first.release()
  const third = await file.take(2)
  t.equal(third.octets, memory)
  t.equal(text(third), 'cccccccccc')
  t.equal(text(second), 'bbbbbbbbbb')
  file.close()
})

t.test('memory is not reused while its chunk is in the cache', async (t) => {
  const file = await opened(t, 'aaaaaaaaaabbbbbbbbbb')
  const first = await file.take(0)
  first.release()
  t.not((await file.take(1)).octets, first.octets)
  t.equal(await file.take(0), first)
  file.close()
})

t.test('a chunk that is evicted while it is read still reaches its readers', async (t) => {
  const file = await opened(t, 'aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd', 10)
  const chunks = await Promise.all([0, 1, 2, 3].map(async (index) => file.take(index)))
  t.same(chunks.map(text), ['aaaaaaaaaa', 'bbbbbbbbbb', 'cccccccccc', 'dddddddddd'])
  for (const chunk of chunks) chunk.release()
  file.close()
})

t.test('memory of a shorter chunk is left to the garbage collector', async (t) => {
  const file = await opened(t, 'aaaaaaaaaabb', 10)
  const last = await file.take(1)
  await file.take(0) // pushes it out
  last.release()
  t.equal(text(last), 'bb')
  file.close()
})

t.test('a file that is completely in memory needs no descriptor, and keeps its chunks', async (t) => {
  const folder = t.testdir({ a: 'aaaaaaaaaaAAAAAAAAAA', b: 'bbbbbbbbbbBBBBBBBBBB' })
  const files = createSharedFiles({ cacheOctets: 20, chunkOctets: 10 })
  const read = async (file: SharedFile) => {
    const chunks = await Promise.all([0, 1].map(async (index) => file.take(index)))
    for (const chunk of chunks) chunk.release()
    return chunks.map(text).join('')
  }
  const first = await files.open(join(folder, 'a'))
  t.equal(await read(first), 'aaaaaaaaaaAAAAAAAAAA')
  first.close()
  const a = await files.open(join(folder, 'a'))
  const b = await files.open(join(folder, 'b'))
  t.equal(await read(b), 'bbbbbbbbbbBBBBBBBBBB')
  t.equal(await read(b), 'bbbbbbbbbbBBBBBBBBBB')
  t.equal(await read(a), 'aaaaaaaaaaAAAAAAAAAA', 'although another file took their place')
  a.close()
  b.close()
  await new Promise(setImmediate)
  t.same(openFilesBelow(folder).length <= 1, true)
})

t.test('a chunk that was read twice is cached once', async (t) => {
  const path = join(t.testdir({ f: 'aaaaaaaaaabbbbbbbbbb' }), 'f')
  const files = createSharedFiles({ cacheOctets: 20, chunkOctets: 10 })
  const one = await files.open(path)
  const early = one.take(0)
  one.close()
  const two = await files.open(path)
  const chunks = await Promise.all([early, two.take(0)])
  t.same(chunks.map(text), ['aaaaaaaaaa', 'aaaaaaaaaa'])
  const kept = await two.take(0)
  t.equal(chunks.includes(kept), true)
  await two.take(1)
  t.equal(await two.take(0), kept, 'there is room for both chunks of the file')
  two.close()
})

t.test("a file that cannot be read is refused with a code like the system's", async (t) => {
  const folder = t.testdir({ f: 'abcdefghijklm' })
  const files = createSharedFiles({ cacheOctets: 100, chunkOctets: 10 })
  await t.rejects(files.open(folder), { code: 'NOT_REGULAR', message: 'not a regular file' })
  await t.rejects(files.open(join(folder, 'absent')), { code: 'ENOENT' })
  const path = join(folder, 'f')
  const file = await files.open(path)
  truncateSync(path, 5)
  await t.rejects(Promise.resolve(file.take(0)), { code: 'CHANGED' })
  writeFileSync(path, 'ABCDEFGHIJKLM')
  await t.rejects(Promise.resolve(file.take(1)), {
    code: 'CHANGED',
    message: 'the file changed while it was being sent',
  })
  file.close()
})

t.test('a file that is opened while its other reader closes it can be read', async (t) => {
  const path = join(t.testdir({ image: 'abcd' }), 'image')
  const files = createSharedFiles({ cacheOctets: 0, chunkOctets: 4 })
  for (let time = 0; time < 300; time++) {
    const [first, second] = [files.open(path), files.open(path)]
    // The first reader closes at every moment of the second one's opening.
    const closing = first.then(async (file) => {
      for (let turn = 0; turn < time % 30; turn++) await nextTurn()
      file.close()
    })
    const file = await second
    const chunk = await file.take(0)
    t.equal(Buffer.from(chunk.octets).toString(), 'abcd')
    chunk.release()
    file.close()
    await closing
  }
})
