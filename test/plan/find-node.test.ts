import t from 'tap'
import { findNode, namedNodes } from '../../src/plan/find-node.ts'

t.test('finds a node by its name or its key', (t) => {
  const nodes = namedNodes(['c1/w1', 'c1/w2', 'c2/w2'])
  t.same(findNode(nodes, 'w1'), { key: 'c1/w1', name: 'w1' })
  t.same(findNode(nodes, 'c2/w2'), { key: 'c2/w2', name: 'w2' })
  t.equal(findNode(nodes, 'w2'), 'several clusters have a node w2: use c1/w2 or c2/w2')
  t.match(
    findNode(nodes, 'w11'),
    /^the site does not declare a node w11.*w1.*; it has c1\/w1, c1\/w2, c2\/w2$/,
  )
  t.end()
})
