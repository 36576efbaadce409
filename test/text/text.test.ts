import t from 'tap'
import { formatBytes, formatCount, pluralize, firstLines, listSome } from '../../src/text/format.ts'
import {
  foldLine,
  clip,
  alignColumns,
  wrap,
  printable,
  printableAscii,
  quoteText,
} from '../../src/text/lines.ts'

t.test('formatCount and pluralize put counts into sentences', (t) => {
  t.same([0, 1, 2, 3, 12].map(formatCount), ['never', 'once', 'twice', '3 times', '12 times'])
  t.same(
    [0, 1, 2].map((amount) => pluralize(amount, 'node')),
    ['0 nodes', '1 node', '2 nodes'],
  )
  t.end()
})

t.test('formatBytes chooses a binary unit', (t) => {
  t.same([0, 1023, 1024, 74_035, 1024 ** 2, 1.5 * 1024 ** 3, 1024 ** 5].map(formatBytes), [
    ...['0 B', '1023 B', '1.0 KiB', '72.3 KiB', '1.0 MiB', '1.5 GiB', '1024.0 TiB'],
  ])
  t.end()
})

t.test(
  'printable replaces characters that move the cursor or change the direction of text, and keeps other languages',
  (t) => {
    t.equal(printable('Müll\u001b[2J\u0085\n\u202ex漢'), 'Müll?[2J???x漢')
    t.equal(printable('a\tb', ' '), 'a b')
    t.end()
  },
)

t.test('printableAscii replaces all but printable ASCII, and shortens', (t) => {
  t.equal(printableAscii('PXE\u001b[2J\u009b\né~ '), 'PXE?[2J???~ ')
  t.equal(printableAscii('x'.repeat(200), 128).length, 128)
  t.end()
})

t.test('quoteText shortens text, and escapes characters that control a terminal', (t) => {
  t.equal(quoteText('a "b"\n\u009b\u202e'), String.raw`"a \"b\"\n\u009b\u202e"`)
  t.equal(quoteText('x'.repeat(90)).length, 82)
  t.end()
})

t.test('clip marks missing text within the given columns', (t) => {
  t.same([clip('abcdef', 6), clip('abcdefg', 6), clip('ab', 0)], ['abcdef', 'abcde…', '…'])
  t.end()
})

t.test('wrap breaks lines at blanks and gives long words a line', (t) => {
  t.same(wrap('one two three', 7), ['one two', 'three'])
  t.same(wrap('/a/very/long/path is not there', 12), ['/a/very/long/path', 'is not there'])
  t.same(wrap('  one \n two ', 80), ['one two'])
  t.same(wrap('', 80), [])
  t.end()
})

t.test('listSome and firstLines count what they leave out', (t) => {
  t.equal(listSome(['a', 'b'], 2), 'a, b')
  t.equal(listSome(['a', 'b', 'c'], 2), 'a, b and 1 more')
  t.same(firstLines(['a', 'b'], 2), ['a', 'b'])
  t.same(firstLines(['a', 'b', 'c', 'd'], 2, ': see the log'), ['a', 'b', 'and 2 more: see the log'])
  t.end()
})

t.test('alignColumns pads all but the last cell of a row', (t) => {
  t.same(
    alignColumns([
      ['a', 'bb', 'c'],
      ['aaa', 'b', 'cc'],
      ['x', 'a cell that extends over the rest'],
    ]),
    ['a    bb  c', 'aaa  b   cc', 'x    a cell that extends over the rest'],
  )
  t.same(alignColumns([]), [])
  t.end()
})

t.test('a line with cells or colors is folded at blanks, with the rest indented', (t) => {
  const line = '  ocp45/w1  worker  installs rhcos on /dev/sda'
  t.same(foldLine(line, 80), [line])
  t.same(foldLine(line, 30), ['  ocp45/w1  worker  installs', '      rhcos on /dev/sda'])
  t.same(foldLine('\x1b[31merror:\x1b[39m a disk', 12), ['\x1b[31merror:\x1b[39m a', '    disk'])
  t.same(foldLine('error: /a/very/long/path lost', 12), ['error:', '    /a/very/long/path', '    lost'])
  t.same(foldLine('unbreakable', 4), ['unbreakable'])
  t.end()
})
