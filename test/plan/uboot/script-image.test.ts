import t from 'tap'
import { crc32 } from 'node:zlib'
import { scriptImage } from '../../../src/plan/uboot/script-image.ts'

t.test('a script has the header that the command source verifies', (t) => {
  const image = Buffer.from(scriptImage('echo ok\n'))
  t.equal(image.readUInt32BE(0), 0x27051956)
  t.equal(image.readUInt32BE(12), image.length - 64)
  t.equal(image.readUInt32BE(24), crc32(image.subarray(64)))
  const header = Buffer.from(image.subarray(0, 64))
  header.fill(0, 4, 8)
  t.equal(image.readUInt32BE(4), crc32(header))
  t.same([...image.subarray(28, 32)], [5, 0, 6, 0])
  // The list of lengths, its end, and the script.
  t.equal(image.readUInt32BE(64), 8)
  t.equal(image.readUInt32BE(68), 0)
  t.equal(image.subarray(72).toString(), 'echo ok\n')
  t.end()
})
