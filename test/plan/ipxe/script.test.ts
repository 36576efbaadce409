import * as fc from 'fast-check'
import t from 'tap'
import { argument, plainText } from '../../../src/plan/ipxe/script.ts'

const texts = [
  { name: 'ordinary words stay as they are', text: 'kernel rhcos-live', expected: 'kernel rhcos-live' },
  { name: 'a line break does not begin a command', text: 'a\nreboot\r\n', expected: 'a reboot' },
  { name: 'iPXE takes no setting out of it', text: 'see ${net0/mac} $x', expected: 'see $ {net0/mac} $x' },
  {
    name: 'separators and comments become words',
    text: 'a || b && c ; d #e',
    expected: 'a ${empty}|| b ${empty}&& c ${empty}; d ${empty}#e',
  },
  { name: 'separators inside a word are harmless', text: 'a||b c;d e#f', expected: 'a||b c;d e#f' },
  { name: 'a backslash at the end does not join lines', text: 'c:\\', expected: 'c:\\${empty}' },
  { name: 'what a console cannot show is a question mark', text: 'Mü\u0007\u2028x', expected: 'M?? x' },
  { name: 'nothing stays nothing', text: '', expected: '' },
]

t.test('a displayed text stays on its line', (t) => {
  for (const { name, text, expected } of texts) t.equal(plainText(text), expected, name)
  t.end()
})

t.test('iPXE reads any text back unchanged, without commands of its own', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      const line = plainText(text)
      if (!/^[\x20-\x7e]*$/.test(line) || line.endsWith('\\')) throw new Error(JSON.stringify(line))
      if (line.replaceAll('${empty}', '').includes('${')) throw new Error(`a setting in ${line}`)
      const own = line.split(' ').find((word) => ['||', '&&', ';'].includes(word) || word.startsWith('#'))
      if (own !== undefined) throw new Error(`${own} in ${line}`)
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('a command gets its argument unchanged', (t) => {
  t.equal(argument('console=ttyS0,115200n8'), 'console=ttyS0,115200n8')
  t.equal(argument('||'), '${empty}||')
  t.equal(argument('#\\'), '${empty}#\\${empty}')
  t.end()
})
