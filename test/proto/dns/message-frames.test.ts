import fc from 'fast-check'
import t from 'tap'
import { createFrameReader, frame } from '../../../src/proto/dns/message.ts'
import { hex } from '../../support/hex.ts'

t.test('a frame is the length and the message (RFC 1035 §4.2.2)', (t) => {
  t.same(frame(hex('aabbcc')), hex('0003 aabbcc'))
  t.same(frame(new Uint8Array(65_535)).subarray(0, 2), hex('ffff'))
  t.end()
})

t.test('a stream is split into messages, for any chunks', (t) => {
  const cases = [
    { name: 'whole', chunks: ['0003 aabbcc'], messages: ['aabbcc'] },
    { name: 'two at once', chunks: ['0001 aa 0002 bbcc'], messages: ['aa', 'bbcc'] },
    { name: 'the length in two pieces', chunks: ['00', '02', 'aabb'], messages: ['aabb'] },
    { name: 'one and a half', chunks: ['0001 aa 0002 bb', 'cc'], messages: ['aa', 'bbcc'] },
    { name: 'an empty message', chunks: ['0000'], messages: [''] },
    { name: 'not yet whole', chunks: ['0003 aabb'], messages: [] },
    { name: 'nothing', chunks: [''], messages: [] },
  ]
  for (const { name, chunks, messages } of cases) {
    const reader = createFrameReader()
    t.same(
      chunks.flatMap((chunk) => reader.push(hex(chunk))),
      messages.map(hex),
      name,
    )
  }
  t.end()
})

t.test('messages are copies: the chunk can be reused', (t) => {
  const chunk = hex('0001 aa')
  const [message] = createFrameReader().push(chunk)
  chunk.fill(0)
  t.same(message, hex('aa'))
  t.end()
})

t.test('framed messages survive any split of the stream', (t) => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 })
  fc.assert(
    fc.property(messages, fc.array(fc.nat(400), { maxLength: 20 }), (sent, cuts) => {
      const stream = Uint8Array.from(sent.flatMap((message) => [...frame(message)]))
      const reader = createFrameReader()
      const places = [0, ...cuts.filter((cut) => cut < stream.length).sort((a, b) => a - b), stream.length]
      const received = places.flatMap((place, index) =>
        reader.push(stream.subarray(place, places[index + 1])),
      )
      if (JSON.stringify(received) !== JSON.stringify(sent)) throw new Error(JSON.stringify(received))
    }),
    { numRuns: 200 },
  )
  t.end()
})
