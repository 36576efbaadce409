import fc from 'fast-check'
import t from 'tap'
import { encodeNetascii } from '../../../src/proto/tftp/packet.ts'
import { cutIntoBlocks, type ServedFile } from '../../../src/serve/tftp/files.ts'

/** Returns a file whose chunks are in memory. */
function fileOf(content: Uint8Array, chunkOctets: number): ServedFile {
  return {
    octets: content.length,
    chunkCount: Math.ceil(content.length / chunkOctets),
    chunk: (index) => content.subarray(index * chunkOctets, (index + 1) * chunkOctets),
    close: () => undefined,
  }
}

const nothing = () => undefined

t.test('blocks span chunks of any size, in octet and in netascii', (t) => {
  const content = fc
    .array(fc.constantFrom(10, 13, 65, 66), { maxLength: 80 })
    .map((each) => Uint8Array.from(each))
  const sizes = fc.integer({ min: 1, max: 30 })
  const mode = fc.constantFrom('octet' as const, 'netascii' as const)
  fc.assert(
    fc.property(content, sizes, sizes, mode, (file, chunkOctets, blockOctets, mode) => {
      const options = { file: fileOf(file, chunkOctets), mode, blockOctets, ready: nothing, failed: nothing }
      const blocks = cutIntoBlocks(options)
      const parts: Uint8Array[] = []
      let octets: number
      do {
        const number = parts.length + 1
        const target = new Uint8Array(2 + blockOctets)
        octets = blocks.copy(number, number, target, 2)!
        parts.push(target.subarray(2, 2 + octets))
      } while (octets === blockOctets)
      const expected = mode === 'octet' ? file : encodeNetascii(file)
      return Buffer.concat(parts).equals(expected)
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('a block of the window can be read again, across earlier chunks', (t) => {
  const content = Uint8Array.from({ length: 40 }, (_, at) => at)
  const file = fileOf(content, 5)
  const blocks = cutIntoBlocks({ file, mode: 'octet', blockOctets: 8, ready: nothing, failed: nothing })
  const target = new Uint8Array(8)
  for (const block of [1, 2, 3, 1, 2]) {
    t.equal(blocks.copy(block, 1, target, 0), 8)
    t.same(target, content.subarray((block - 1) * 8, block * 8))
  }
  t.end()
})

/** Returns a file whose chunks the test delivers. */
function slowFile(chunkCount: number) {
  const asked: number[] = []
  const waiting = new Map<number, PromiseWithResolvers<Uint8Array>>()
  const file: ServedFile = {
    octets: chunkCount * 4,
    chunkCount,
    chunk(index) {
      asked.push(index)
      const pending = Promise.withResolvers<Uint8Array>()
      waiting.set(index, pending)
      return pending.promise
    },
    close: nothing,
  }
  return { file, asked, chunk: (index: number) => waiting.get(index)! }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('a block that is still being read follows later, and the next chunk is read ahead', async (t) => {
  const { file, asked, chunk } = slowFile(4)
  let calls = 0
  const blocks = cutIntoBlocks({ file, mode: 'octet', blockOctets: 2, ready: () => calls++, failed: nothing })
  const target = new Uint8Array(2)
  t.equal(blocks.copy(1, 1, target, 0), undefined)
  t.equal(blocks.copy(1, 1, target, 0), undefined)
  t.same(asked, [0], 'requested once')
  chunk(0).resolve(Uint8Array.of(1, 2, 3, 4))
  await turn()
  t.equal(calls, 1)
  t.equal(blocks.copy(1, 1, target, 0), 2)
  t.same(target, Uint8Array.of(1, 2))
  t.same(asked, [0, 1], 'the chunk behind the one in use')
  t.equal(blocks.copy(2, 1, target, 0), 2)
  t.same(asked, [0, 1])
  t.equal(blocks.copy(3, 1, target, 0), undefined)
})

t.test('a read error is reported', async (t) => {
  const { file, chunk } = slowFile(1)
  const errors: string[] = []
  const failed = (error: Error) => errors.push(error.message)
  const blocks = cutIntoBlocks({ file, mode: 'octet', blockOctets: 2, ready: nothing, failed })
  t.equal(blocks.copy(1, 1, new Uint8Array(2), 0), undefined)
  chunk(0).reject(new Error('gone'))
  await turn()
  t.same(errors, ['gone'])
})

t.test('after closing there are no callbacks', async (t) => {
  for (const settle of [
    (chunk: PromiseWithResolvers<Uint8Array>) => chunk.resolve(Uint8Array.of(1)),
    (chunk: PromiseWithResolvers<Uint8Array>) => chunk.reject(new Error('gone')),
  ]) {
    const { file, chunk } = slowFile(1)
    const calls: string[] = []
    const ready = () => calls.push('ready')
    const failed = () => calls.push('failed')
    const blocks = cutIntoBlocks({ file, mode: 'octet', blockOctets: 2, ready, failed })
    blocks.copy(1, 1, new Uint8Array(2), 0)
    blocks.close()
    settle(chunk(0))
    await turn()
    t.same(calls, [])
  }
})
