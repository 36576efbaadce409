import t from 'tap'
import { chooseNode } from '../../src/cli/choose-node.ts'
import { UsageError } from '../../src/cli/command.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

t.test('finds a node by its name or its key', (t) => {
  const model = exampleModel()
  t.equal(chooseNode(model, 'm1').key, 'ocp45/m1')
  t.equal(chooseNode(model, 'ocp45/m1').key, 'ocp45/m1')
  t.end()
})

t.test('a name in two clusters needs the name of the cluster', (t) => {
  const { nodes } = exampleModel()
  const model = { nodes: [...nodes, ...nodes.map((node) => ({ ...node, key: `other/${node.name}` }))] }
  t.throws(
    () => chooseNode(model, 'm1'),
    new UsageError('several clusters have a node m1: use ocp45/m1 or other/m1'),
  )
  t.equal(chooseNode(model, 'other/m1').key, 'other/m1')
  t.end()
})

t.test('an unknown node: the nearest name, and all names', (t) => {
  const model = exampleModel(exampleSite())
  const has = 'it has ocp45/bs, ocp45/m1, ocp45/w1, ocp45/i1'
  const cases = [
    { name: 'w2', message: `the site does not declare a node w2 (did you mean w1?); ${has}` },
    {
      name: 'ocp54/m1',
      message: `the site does not declare a node ocp54/m1 (did you mean ocp45/m1?); ${has}`,
    },
    { name: 'bastion', message: `the site does not declare a node bastion; ${has}` },
  ]
  for (const { name, message } of cases) t.throws(() => chooseNode(model, name), new UsageError(message))
  t.end()
})
