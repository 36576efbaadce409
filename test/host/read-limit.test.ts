import t from 'tap'
import { createReadLimit } from '../../src/host/read-limit.ts'
import type { Chunk, SharedFile } from '../../src/host/shared-files.ts'

/** A file whose reads end when the test ends them. Odd chunks are in memory. */
function fakeFile() {
  const reads: { readonly index: number; readonly end: (error?: Error) => void }[] = []
  const chunk = (index: number): Chunk => ({ octets: Uint8Array.of(index), release: () => {} })
  const file: SharedFile = {
    octets: 10,
    modifiedMs: 0,
    version: '0',
    chunkOctets: 1,
    chunkCount: 10,
    close: () => {},
    take(index) {
      if (index % 2 === 1) return chunk(index)
      return new Promise((resolve, reject) => {
        reads.push({ index, end: (error) => (error === undefined ? resolve(chunk(index)) : reject(error)) })
      })
    },
  }
  return { file, reads }
}

t.test('further reads wait for their turn, also after a read that failed', async (t) => {
  const { file, reads } = fakeFile()
  const limit = createReadLimit(2)
  const [one, two] = [limit(file), limit(file)]
  const taken = [one.take(0), two.take(2), one.take(4), two.take(1), two.take(6)]
  const indexes = () => reads.map(({ index }) => index)
  t.same(indexes(), [0, 2], 'the limit is for all files')
  const failed = t.rejects(taken[0] as Promise<Chunk>, { message: 'input/output error' })
  reads[0]?.end(new Error('input/output error'))
  await failed
  t.same(indexes(), [0, 2, 4])
  reads[1]?.end()
  await taken[1]
  t.same((await taken[3])?.octets, Uint8Array.of(1), 'a chunk in memory needs no read')
  t.same(indexes(), [0, 2, 4, 6])
  for (const { end } of reads) end()
  t.same((await taken[4])?.octets, Uint8Array.of(6))
  t.match(one.take(1), { octets: Uint8Array.of(1) }, 'without a wait, a chunk in memory is available at once')
})

t.test('a file that was closed while it waited is not read', async (t) => {
  const { file, reads } = fakeFile()
  const limit = createReadLimit(1)
  const [one, two] = [limit(file), limit(file)]
  const first = one.take(0)
  const rejected = t.rejects(Promise.resolve(two.take(2)), { message: 'the file was closed' })
  two.close()
  reads[0]?.end()
  await first
  await rejected
  t.equal(reads.length, 1)
})
