/** The map whose entries are created when a node is first requested. */
import t from 'tap'
import { NodeMap } from '../../../src/plan/http/node-map.ts'
import { nodeOfPath } from '../../../src/plan/urls.ts'
import { exampleModel } from '../../support/model.ts'

const { nodes } = exampleModel()

function mapOf() {
  const created: string[] = []
  const map = new NodeMap({
    nodes: new Map(nodes.map((node) => [node.key, node])),
    nodeOf: (key) => (key.includes('!') ? key.slice(0, key.indexOf('!')) : undefined),
    create(node): [string, { readonly value: string }][] {
      created.push(node.key)
      return [
        [`${node.key}!a`, { value: `a of ${node.name}` }],
        [`${node.key}!b`, { value: `b of ${node.name}` }],
      ]
    },
  })
  return { map, created }
}

const keys = nodes.flatMap(({ key }) => [`${key}!a`, `${key}!b`])

t.test('entries of a node are created once, when one of them is requested', (t) => {
  const { map, created } = mapOf()
  t.same(created, [])
  const first = map.get('ocp45/m1!a')
  t.same(first, { value: 'a of m1' })
  t.equal(map.get('ocp45/m1!a'), first)
  t.equal(map.has('ocp45/m1!b'), true)
  t.same(created, ['ocp45/m1'])
  t.end()
})

t.test('other keys have no entry', (t) => {
  const { map, created } = mapOf()
  for (const key of ['ocp45/m1', 'ocp45/unknown!a', '']) {
    t.equal(map.get(key), undefined)
    t.equal(map.has(key), false)
  }
  t.equal(map.get('ocp45/m1!c'), undefined)
  t.equal(map.has('ocp45/m1!c'), false)
  t.same(created, ['ocp45/m1'])
  t.end()
})

t.test(
  'all entries can be read, in the order of the site file, and are the ones that were requested',
  (t) => {
    const { map, created } = mapOf()
    const requested = map.get('ocp45/m1!b')
    t.same([...map.keys()], keys)
    t.equal(map.size, keys.length)
    t.equal(new Map(map).get('ocp45/m1!b'), requested)
    t.equal([...map.values()].includes(requested!), true)
    const seen: string[] = []
    map.forEach((value, key, of) => {
      seen.push(key)
      t.equal(of, map)
      t.equal(value.value.startsWith(key.slice(-1)), true)
    })
    t.same(seen, keys)
    t.equal(created.filter((key) => key === 'ocp45/m1').length, 1)
    t.end()
  },
)

t.test('the key of a node is in the paths of its files only', (t) => {
  t.equal(nodeOfPath('/boot/ocp45/m1/boot.ipxe'), 'ocp45/m1')
  for (const path of ['/boot/ocp45/m1', '/boot', '/images/ocp45/m1/boot.ipxe', '', '/'])
    t.equal(nodeOfPath(path), undefined, path)
  t.end()
})
