/** The tree behind the messages; what is wrong with texts is in test/fixtures/sites/text-*. */
import t from 'tap'
import { readYaml, type Tree } from '../../src/site/yaml.ts'

function treeOf(text: string): Tree {
  const { tree, errors } = readYaml(text)
  if (tree === undefined || errors.length > 0) throw new Error(errors.map(({ message }) => message).join())
  return tree
}

t.test('values are quoted as they are written', (t) => {
  const cases = [
    { text: 'a: m1', quoted: '"m1"' },
    { text: "a: 'm1'", quoted: '"m1"' },
    { text: 'a: 4.10', quoted: '4.10' },
    { text: 'a: 0x1F', quoted: '0x1F' },
    { text: 'a: True', quoted: 'True' },
    { text: 'a: no', quoted: '"no"' },
    { text: 'a: 00:50:56:96:11:22', quoted: '"00:50:56:96:11:22"' },
    { text: 'a: null', quoted: 'null' },
    { text: 'a: ~', quoted: '~' },
    { text: 'a:', quoted: 'nothing' },
    { text: '{ a }', quoted: 'nothing' },
    { text: 'b: 1', quoted: 'nothing' },
    { text: 'a: [1]', quoted: 'a list' },
    { text: 'a: []', quoted: 'an empty list' },
    { text: 'a: { b: 1 }', quoted: 'a map' },
    { text: 'a: {}', quoted: 'an empty map' },
    { text: 'b: &x [1]\na: *x', quoted: 'a list' },
    { text: '%YAML 1.1\n---\na: no', quoted: '"no"' },
  ]
  for (const { text, quoted } of cases) t.equal(treeOf(text).quote(['a']), quoted, text)
  t.end()
})

t.test('the position is that of the value, of its key, or of the innermost part that contains it', (t) => {
  const tree = treeOf('site: &name lab\nlist:\n  - { a: 1, b: *name }\n  - x: *name\n')
  const cases: { path: (string | number)[]; at?: 'key'; place: string }[] = [
    { path: [], place: '1:1' },
    { path: ['site'], place: '1:13' },
    { path: ['site'], at: 'key', place: '1:1' },
    { path: ['list', 0], place: '3:5' },
    { path: ['list', 0, 'b'], place: '3:16' },
    { path: ['list', 0, 'b'], at: 'key', place: '3:13' },
    { path: ['list', 0, 'missing'], place: '3:5' },
    { path: ['list', 0, 'missing', 7], place: '3:5' },
    { path: ['list', 1, 'x'], place: '4:8' },
    { path: ['missing'], place: '1:1' },
  ]
  for (const { path, at, place } of cases) {
    const { line, column } = tree.position(path, at)
    t.equal(`${line}:${column}`, place, path.join('.'))
  }
  t.end()
})

t.test('an alias is the value of its anchor', (t) => {
  const tree = treeOf('a: &x { b: [1] }\nc: *x\n')
  t.same(tree.get(['c', 'b']), [1])
  t.equal(tree.has(['c', 'b', 0]), true)
  t.equal(tree.has(['c', 'b', 1]), false)
  t.end()
})

t.test('a path below a scalar, or one that is not a key of the file, does not exist', (t) => {
  const tree = treeOf('a: 1\nb: [{ c: 2 }]\n')
  const known = [[], ['a'], ['b', 0], ['b', 0, 'c']]
  for (const path of known) t.equal(tree.has(path), true, path.join('.'))
  const unknown = [
    ['a', 'b'],
    ['a', 0],
    ['b', 1],
    ['b', 'c'],
    ['b', 0, 'c', 'd'],
    ['toString'],
    ['__proto__'],
  ]
  for (const path of unknown) t.equal(tree.has(path), false, path.join('.'))
  t.end()
})

t.test('the key __proto__ is an error, and its value is not part of the tree', (t) => {
  const { errors, tree } = readYaml('a: 1\n__proto__: { b: 2 }\n')
  t.match(errors, [{ code: 'site.unknown-key', line: 2, column: 1, path: ['__proto__'] }])
  t.equal(tree?.has(['__proto__']), false)
  t.same(Object.keys(tree?.value as object), ['a'])
  t.same(tree?.position(['__proto__', 'b']), { line: 1, column: 1 }, 'the closest value around it')
  t.end()
})

t.test('a text without content has neither a value nor a position in it', (t) => {
  for (const text of ['', '# nothing yet\n']) {
    const tree = treeOf(text)
    t.equal(tree.value ?? undefined, undefined)
    t.equal(tree.has(['site']), false)
    t.same(tree.position(['site']), { line: 1, column: 1 })
    t.equal(tree.quote([]), 'nothing')
  }
  t.end()
})
