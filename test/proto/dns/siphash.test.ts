import t from 'tap'
import { sipHash } from '../../../src/proto/dns/siphash.ts'
import { hex } from '../../support/hex.ts'

/** The key and messages 00 01 02 … of the reference implementation (vectors_sip64). */
t.test('hashes equal those of the reference implementation', (t) => {
  const key = Uint8Array.from({ length: 16 }, (_, index) => index)
  const message = (length: number) => Uint8Array.from({ length }, (_, index) => index)
  t.same(sipHash(key, message(0)), hex('310e0edd47db6f72'))
  t.same(sipHash(key, message(1)), hex('fd67dc93c539f874'))
  t.same(sipHash(key, message(8)), hex('6224939a79f5f593'))
  t.same(sipHash(key, message(15)), hex('e545be4961ca29a1'))
  t.end()
})
