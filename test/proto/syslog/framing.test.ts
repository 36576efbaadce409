import t from 'tap'
import { createFraming } from '../../../src/proto/syslog/framing.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (octets: Uint8Array) => new TextDecoder().decode(octets)

/** Feeds the stream in chunks of `size` bytes. */
function split(stream: string, size: number, maxOctets = 20): string[] {
  const framing = createFraming(maxOctets)
  const all = bytes(stream)
  const messages: Uint8Array[] = []
  for (let at = 0; at < all.length; at += size) messages.push(...framing.feed(all.subarray(at, at + size)))
  const last = framing.end()
  return [...messages, ...(last === undefined ? [] : [last])].map(text)
}

const cases: readonly [name: string, stream: string, messages: readonly string[]][] = [
  ['lines', '<14>one\n<14>two\n', ['<14>one', '<14>two']],
  ['empty lines, and a last line without a newline', '\n\n<14>one\n\n<14>two', ['<14>one', '<14>two']],
  ['octet counting, with a newline in a message', '7 <14>one8 <14>t\nwo', ['<14>one', '<14>t\nwo']],
  ['both on one connection', '7 <14>one<14>two\n7 <14>six', ['<14>one', '<14>two', '<14>six']],
  ['a line that starts with a number', '12 monkeys\n', ['12 monkeys']],
  ['a long line', `<14>${'x'.repeat(50)}\n<14>next\n`, [`<14>${'x'.repeat(16)}`, '<14>next']],
  ['a long counted message', `54 <14>${'x'.repeat(50)}7 <14>two`, [`<14>${'x'.repeat(16)}`, '<14>two']],
  ['an incomplete counted message', '30 <14>one', ['30 <14>one']],
  ['nothing', '', []],
]

for (const [name, stream, messages] of cases) {
  t.test(`splits ${name}, wherever the chunks end`, (t) => {
    for (const size of [1, 2, 3, 7, 1000]) t.same(split(stream, size), messages, `${size} bytes`)
    t.end()
  })
}

t.test('keeps at most the longest message', (t) => {
  const framing = createFraming(20)
  for (let chunk = 0; chunk < 100; chunk++) framing.feed(bytes('x'.repeat(1000)))
  t.same(framing.feed(bytes('x\n<1>a\n')).map(text), ['<1>a'])
  t.equal(framing.end(), undefined)
  t.end()
})
