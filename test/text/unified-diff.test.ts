import t from 'tap'
import { unifiedDiff } from '../../src/text/unified-diff.ts'

const cases = [
  { name: 'nothing changed', before: 'a\n', after: 'a\n', diff: [] },
  {
    name: 'a line added at the end, with three lines of context',
    before: 'a\nb\nc\nd\n',
    after: 'a\nb\nc\nd\ne\n',
    diff: ['@@ -2,3 +2,4 @@', ' b', ' c', ' d', '+e'],
  },
  {
    name: 'a line changed at the start',
    before: 'a\nb\nc\nd\ne\n',
    after: 'x\nb\nc\nd\ne\n',
    diff: ['@@ -1,4 +1,4 @@', '-a', '+x', ' b', ' c', ' d'],
  },
  {
    name: 'a line that equals the line beside it',
    before: 'a\na\n',
    after: 'a\na\na\n',
    diff: ['@@ -1,2 +1,3 @@', ' a', ' a', '+a'],
  },
  {
    name: 'a removed line',
    before: 'a\nb\nc\n',
    after: 'a\nc\n',
    diff: ['@@ -1,3 +1,2 @@', ' a', '-b', ' c'],
  },
]
for (const { name, before, after, diff } of cases) {
  t.test(name, (t) => {
    const head = diff.length === 0 ? [] : ['--- f', '+++ f']
    t.same(unifiedDiff('f', before, after), [...head, ...diff])
    t.end()
  })
}
