import t from 'tap'
import { loadSite } from '../../src/site/load.ts'
import { formatPath, formatProblem, showProblem, subjectOf } from '../../src/site/problem.ts'
import { siteText } from '../support/site-folder.ts'
import { quoteText } from '../../src/text/lines.ts'

const problem = {
  code: 'site.invalid-value',
  file: 'site.yaml',
  line: 2,
  column: 7,
  path: 'server.address',
  message: 'got nothing',
} as const

t.test('a problem is one line that editors and terminals can follow', (t) => {
  t.equal(formatProblem(problem), 'site.yaml:2:7 server.address: got nothing')
  t.equal(formatProblem({ ...problem, path: '' }), 'site.yaml:2:7: got nothing')
  t.end()
})

t.test('a problem names its cluster and its node', (t) => {
  const clusters = [{ name: 'ocp45', nodes: [{ name: 'm1' }, { role: 'worker' }] }, { name: 7 }]
  const valueAt = (path: readonly (string | number)[]) =>
    path.reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], {
      clusters,
    })
  const subject = (...path: (string | number)[]) => subjectOf(path, valueAt)
  t.equal(subject('clusters', 0, 'nodes', 0, 'mac', 1), 'ocp45/m1 mac.1')
  t.equal(subject('clusters', 0, 'nodes', 0), 'ocp45/m1')
  t.equal(subject('clusters', 0, 'nodes'), 'ocp45 nodes')
  t.equal(subject('clusters', 0, 'image'), 'ocp45 image')
  t.equal(subject('clusters', 0), 'ocp45')
  t.equal(subject('clusters', 0, 'nodes', 1, 'mac'), 'ocp45 nodes.1.mac', 'a node without a name')
  t.equal(subject('clusters', 1, 'image'), undefined, 'a cluster without a name')
  t.equal(subject('clusters'), undefined)
  t.equal(subject('server', 'address'), undefined)
  t.equal(formatProblem({ ...problem, subject: 'ocp45/m1 mac' }), 'site.yaml:2:7 ocp45/m1 mac: got nothing')
  t.end()
})

t.test('on a terminal, the line follows, with a caret below the column', (t) => {
  const long = `${'x'.repeat(100)}here${'y'.repeat(100)}`
  const cases = [
    { name: 'a short line', text: 'a\nb: c: d\ne', column: 4, shown: ['  2 | b: c: d', '    |    ^'] },
    { name: 'carriage returns', text: 'a\r\nb: c\r\n', column: 4, shown: ['  2 | b: c', '    |    ^'] },
    {
      name: 'a tab and an escape',
      text: 'a\n\t\u001b[1m\u009bx',
      column: 2,
      shown: ['  2 |   [1m x', '    |  ^'],
    },
    {
      name: 'a long line is cut around the column',
      text: `a\n${long}`,
      column: 101,
      shown: [`  2 | ${'x'.repeat(48)}here${'y'.repeat(20)}`, `    | ${' '.repeat(48)}^`],
    },
    { name: 'the end of a text', text: 'a', column: 1, shown: ['  2 | ', '    | ^'] },
  ]
  for (const { name, text, column, shown } of cases) {
    const [first, ...rest] = showProblem({ ...problem, column }, text).split('\n')
    t.equal(first, `site.yaml:2:${column} server.address: got nothing`, name)
    t.same(rest, shown, name)
  }
  t.end()
})

t.test('keys that are not plain words are quoted in a path', (t) => {
  t.equal(formatPath([]), '')
  t.equal(formatPath(['$schema']), '$schema')
  t.equal(formatPath(['images', 'rhcos-4.17', 'dir']), 'images."rhcos-4.17".dir')
  t.equal(formatPath(['clusters', 0, 'nodes', 3, 'mac']), 'clusters.0.nodes.3.mac')
  t.equal(formatPath(['']), '""')
  t.end()
})

t.test('a quoted value cannot change how a terminal shows the rest', (t) => {
  const cases = [
    { text: 'm1', quoted: '"m1"' },
    { text: 'a "b"\n', quoted: String.raw`"a \"b\"\n"` },
    { text: '\u001b[31m', quoted: String.raw`"\u001b[31m"` },
    { text: '\u009b\u202e\ufeff\u007f', quoted: String.raw`"\u009b\u202e\ufeff\u007f"` },
    { text: 'x'.repeat(80), quoted: `"${'x'.repeat(80)}"` },
    { text: 'x'.repeat(81), quoted: `"${'x'.repeat(79)}…"` },
  ]
  for (const { text, quoted } of cases) t.equal(quoteText(text), quoted)
  t.end()
})

t.test('errors in the text also name the cluster and the node', (t) => {
  const subjectsOf = (more: string) => {
    const text = siteText().replace('name: w1,', `name: w1, ${more},`)
    const loaded = loadSite(text, 'site.yaml')
    return loaded.kind === 'problems'
      ? loaded.problems.map(({ code, subject }) => `${code}: ${subject ?? ''}`)
      : []
  }
  t.same(subjectsOf('disk: *sda'), ['site.unknown-alias: c1/w1 disk'])
  t.same(subjectsOf('disk: /dev/sda, disk: /dev/sdb'), ['site.duplicate-key: c1/w1 disk'])
  t.same(subjectsOf('__proto__: 1'), ['site.unknown-key: c1/w1 __proto__'])
  t.end()
})
