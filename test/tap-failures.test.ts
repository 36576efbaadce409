import t from 'tap'
import { tapFailures } from './support/tap-failures.ts'

t.test('a failed assertion has the names of its tests', (t) => {
  const report = `\
TAP version 14
# Subtest: first.test.ts
    # Subtest: adds
        ok 1 - one and one
        not ok 2 - one and two
          ---
          compare: ===
          ...
        not ok 3 - two and two
        1..3
    not ok 1 - adds # time=15.456ms
    ok 2 - subtracts # time=1ms
    1..2
not ok 1 - first.test.ts # time=22.976ms
ok 2 - second.test.ts
not ok 3 - third.test.ts
not ok 4 - later # TODO
1..4
`
  t.strictSame(tapFailures(report), [
    'first.test.ts > adds > one and two',
    'first.test.ts > adds > two and two',
    'third.test.ts',
  ])
  t.strictSame(tapFailures(''), [])
  t.end()
})
