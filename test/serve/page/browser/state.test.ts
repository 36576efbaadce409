import t from 'tap'
import { applyOrder, applyRows, applySummary, createState } from '../../../../src/serve/page/browser/state.ts'
import type { Summary } from '../../../../src/serve/page/browser/types.ts'
import { sampleReports } from '../../../support/sample-nodes.ts'

const nodes = sampleReports().list()
const [first] = nodes as [(typeof nodes)[0]]

t.test('rows replace earlier ones, and new problems are returned to be announced', (t) => {
  const state = createState()
  t.same(applyRows(state, nodes), [], 'the problems that a page starts with are not new')
  t.equal(state.nodes.size, 7)
  const symptom = { name: 'x', code: 'install.failed', saw: 'failed', likely: 'x', advice: 'y' } as const
  t.match(applyRows(state, [{ ...first, symptom }]), [{ node: first.node }])
  t.same(applyRows(state, [{ ...first, symptom }]), [], 'the same problem')
  t.end()
})

t.test('nodes that the site no longer has are removed', (t) => {
  const state = createState()
  applyRows(state, nodes)
  applyOrder(state, [first.node])
  t.same([...state.nodes.keys()], [first.node])
  t.end()
})

t.test('times are shown by the clock of the server', (t) => {
  const state = createState()
  applySummary(state, { site: 'lab', now: 5000 } as Summary, 2000)
  t.equal(state.clockOffsetMs, 3000)
  t.equal(state.summary?.site, 'lab')
  t.end()
})
