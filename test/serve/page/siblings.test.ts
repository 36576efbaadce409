import t from 'tap'
import { siblingBoots } from '../../../src/serve/page/siblings.ts'
import { sampleReports } from '../../support/sample-nodes.ts'

t.test('siblings have the same cluster and role, and were seen', (t) => {
  const reports = sampleReports()
  t.match(siblingBoots(reports, { node: 'ocp45/m1', role: 'master' }), [
    { node: 'ocp45/m2', boot: { kind: 'network' } },
    { node: 'ocp45/m3', boot: { kind: 'network' } },
  ])
  t.same(siblingBoots(reports, { node: 'ocp46/m1', role: 'master' }), [], 'of another cluster')
  t.same(siblingBoots(reports, { node: 'ocp45/x', role: 'infra' }), [], 'never seen')
  t.end()
})

t.test('a sibling is compared by its installation, even after it started from its disk', (t) => {
  const boots = siblingBoots(sampleReports(), { node: 'ocp45/x', role: 'bootstrap' })
  t.match(boots, [{ node: 'ocp45/bs', boot: { kind: 'network' } }])
  t.end()
})
