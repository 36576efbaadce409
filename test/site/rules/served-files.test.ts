/** Paths below /files in the site file. */
import t from 'tap'
import { loadSite } from '../../../src/site/load.ts'
import { filesSection } from '../../support/served-files.ts'
import { siteText } from '../../support/site-folder.ts'

const load = (section: string) => loadSite(siteText(undefined, section), '/etc/slipway/site.yaml')

function problemsOf(...entries: readonly string[]): string[] {
  const loaded = load(`http:\n  files:\n${entries.map((entry) => `    - ${entry}\n`).join('')}`)
  return loaded.kind === 'site' ? [] : loaded.problems.map(({ path, message }) => `${path}: ${message}`)
}

t.test('paths are relative to the site file', (t) => {
  const loaded = load(filesSection)
  t.match(loaded.kind === 'site' && loaded.site.http.files, [
    { path: 'tools', dir: '/etc/slipway/tools' },
    { path: 'tools/one.bin', file: '/etc/slipway/elsewhere/one.bin' },
    { path: 'config.txt', template: '/etc/slipway/templates/site.txt' },
    { path: 'other.txt' },
  ])
  t.end()
})

t.test('each path is declared once', (t) => {
  t.match(problemsOf('{ path: a, dir: a }', '{ path: b, dir: a }', '{ path: a, file: b }'), [
    /^http\.files\.2\.path: .*another path: \/files\/a is already declared \(line \d+\)$/,
  ])
  t.end()
})

t.test('an entry has exactly one source', (t) => {
  for (const entry of ['{ path: a }', '{ path: a, dir: b, file: c }', '{ path: a, file: b, template: c }']) {
    t.match(problemsOf(entry), [/expected exactly one of dir, file, and template$/], entry)
  }
  t.end()
})

t.test('paths have neither hidden parts nor parts that lead out', (t) => {
  for (const path of [
    '""',
    '/a',
    'a/',
    '..',
    'a/../b',
    'a/.b',
    '.a',
    'a//b',
    '"a b"',
    'a%2fb',
    `"${'a'.repeat(201)}"`,
  ]) {
    t.match(problemsOf(`{ path: ${path}, dir: b }`), [/expected a relative path/], path)
  }
  for (const path of ['a', 'a.b/c-d_e/f+g', '~a', 'a@b', 'a..b']) {
    t.same(problemsOf(`{ path: ${path}, dir: b }`), [], path)
  }
  t.end()
})
