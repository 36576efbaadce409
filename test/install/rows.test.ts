import t from 'tap'
import { createRows, keptOf } from '../../src/install/rows.ts'
import { acknowledged } from '../support/installs.ts'

t.test('a repetition shares the row of the first observation', (t) => {
  let now = 5
  const rows = createRows(7, { monotonic: () => now }, { now: () => 1000 + now })
  const seen = acknowledged('ocp45/m1', 'ipxe')
  const first = rows.note('a', seen)
  now += 10
  const again = rows.note('a', seen)
  t.equal(again.row, first.row)
  t.same([first.isRepeat, again.isRepeat], [false, true])
  t.match(keptOf(first.row), {
    machine: 'a',
    observation: { ...seen, sequence: 8, at: 1005, count: 2, lastAt: 1015 },
  })
  const other = rows.note('b', seen)
  t.same([other.isRepeat, other.row.sequence], [false, 9])
  const row = rows.receive({ machine: 'a', observation: { ...other.row.observation, at: 3 } })
  t.match(keptOf(row), { machine: 'a', observation: { at: 3, sequence: 10 } })
  t.equal(rows.last(), 10)
  t.equal(rows.note('a', seen, 5).isRepeat, true, 'counted by a lane')
  t.match(keptOf(first.row), { observation: { count: 7, lastAt: 1015 } })
  rows.forget('a')
  t.notOk(rows.note('a', seen).isRepeat, 'a forgotten machine starts again')
  rows.forget('a')
  const late = rows.note('a', seen, 5)
  t.same([late.isRepeat, late.row.count], [false, 5], 'with the repetitions before that')
  t.end()
})
