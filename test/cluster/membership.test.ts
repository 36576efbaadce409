import t from 'tap'
import { isMembershipKnown, type ClusterContact } from '../../src/cluster/evaluate/members.ts'

const contact = (change: Partial<ClusterContact>): ClusterContact => ({
  ...{ hasNodes: false, hasAnswered: false, isOut: false },
  ...change,
})

t.test('it is known whether a cluster has a node once it answered, or if it never did', (t) => {
  const cases: [string, ClusterContact | undefined, boolean][] = [
    ['the first request is in progress', contact({}), false],
    ['a new cluster is not reachable', contact({ isOut: true }), true],
    ['a running cluster is not reachable', contact({ isOut: true, hasAnswered: true }), false],
    ['it answered', contact({ hasNodes: true, hasAnswered: true }), true],
    [
      'its nodes are known during an outage',
      contact({ hasNodes: true, hasAnswered: true, isOut: true }),
      true,
    ],
    ['no kubeconfig, or no cluster', undefined, true],
  ]
  for (const [name, known, isKnown] of cases) t.equal(isMembershipKnown(known), isKnown, name)
  t.end()
})
