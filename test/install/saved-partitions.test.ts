import t from 'tap'
import { isSaved } from '../../src/install/saved-partitions.ts'

const probe = (number: string, name: string) => ({
  PART_ENTRY_SCHEME: 'gpt',
  PART_ENTRY_NUMBER: number,
  PART_ENTRY_NAME: name,
})

t.test('partitions are kept by label or by number, on a GPT only', (t) => {
  const cases: readonly [
    number: string,
    label: string,
    saved: Parameters<typeof isSaved>[1],
    expected: boolean,
  ][] = [
    ['5', 'data1', { labels: ['data*'] }, true],
    ['5', 'data1', { labels: ['data?'] }, true],
    ['5', 'data12', { labels: ['data?'] }, false],
    ['5', 'a.b', { labels: ['a.b'] }, true],
    ['5', 'axb', { labels: ['a.b'] }, false],
    ['5', 'Data', { labels: ['data'] }, false],
    ['5', 'x', { indexes: ['5'] }, true],
    ['6', 'x', { indexes: ['5'] }, false],
    ['6', 'x', { indexes: ['5-'] }, true],
    ['4', 'x', { indexes: ['5-'] }, false],
    ['4', 'x', { indexes: ['-4'] }, true],
    ['5', 'x', { indexes: ['-4'] }, false],
    ['6', 'x', { indexes: ['1', '5-7'] }, true],
    ['8', 'x', { indexes: ['5-7'] }, false],
    ['', 'x', { indexes: ['-9'] }, false],
    ['5', 'data', undefined, false],
  ]
  for (const [number, label, saved, expected] of cases) {
    t.equal(isSaved(probe(number, label), saved), expected, JSON.stringify({ number, label, saved }))
  }
  t.notOk(isSaved({ ...probe('5', 'data'), PART_ENTRY_SCHEME: 'dos' }, { labels: ['data'] }))
  t.notOk(isSaved(undefined, { labels: ['*'] }), 'a partition that blkid did not show')
  t.end()
})
