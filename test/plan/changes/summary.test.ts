import t from 'tap'
import type { Action, Change, Changes, Kind } from '../../../src/plan/changes/change.ts'
import { appliedSummary, planSummary, summarize } from '../../../src/plan/changes/summary.ts'

function changes(...items: readonly [Action, Kind][]): Changes {
  const change = ([action, kind]: readonly [Action, Kind]): Change => {
    return { action, kind, name: 'x', details: [], effects: [] }
  }
  return { items: items.map(change), restart: [] }
}

t.test('prints a sentence before and after the change', (t) => {
  const cases: readonly [Changes, plan: string, applied: string][] = [
    [changes(), 'No changes.', 'No changes.'],
    [
      changes(['add', 'node'], ['add', 'node'], ['change', 'node']),
      'Plan: 2 nodes to add, 1 to change, 0 to remove.',
      '2 nodes added, 1 changed, 0 removed.',
    ],
    [
      changes(['remove', 'node'], ['change', 'zone'], ['add', 'zone'], ['change', 'dns']),
      'Plan: 0 nodes to add, 0 to change, 1 to remove. Other changes: 2 DNS zones, 1 DNS setting.',
      '0 nodes added, 0 changed, 1 removed. Other changes: 2 DNS zones, 1 DNS setting.',
    ],
  ]
  for (const [given, plan, applied] of cases) {
    t.same([planSummary(given), appliedSummary(given)], [plan, applied])
  }
  t.same(summarize(changes(['add', 'host'])), {
    nodes: { add: 0, change: 0, remove: 0 },
    others: { host: 1 },
  })
  t.end()
})
