import t from 'tap'
import { isMembershipKnown, type ClusterReport } from '../../src/cluster/report.ts'

const api = { name: 'API', state: 'unknown', missing: [] } as const
const report = (change: Partial<ClusterReport>): ClusterReport[] => [
  { cluster: 'c1', stages: [api], members: [{ node: 'c1/w1', state: 'unknown' }], ...change },
]

t.test('it is known whether a cluster has a node once it answered, or if it never did', (t) => {
  const cases: [string, ClusterReport[], boolean][] = [
    ['the first request is in progress', report({}), false],
    ['a new cluster is not reachable', report({ trouble: 'connection refused' }), true],
    [
      'a running cluster is not reachable',
      report({ trouble: 'down', stages: [{ ...api, reachedAt: 5 }] }),
      false,
    ],
    ['it answered', report({ members: [{ node: 'c1/w1', state: 'absent' }] }), true],
    ['no kubeconfig', report({ stages: [] }), true],
    ['no cluster', [], true],
  ]
  for (const [name, reports, isKnown] of cases) t.equal(isMembershipKnown(reports, 'c1/w1'), isKnown, name)
  t.end()
})
