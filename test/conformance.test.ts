/** docs/conformance.md says where each clause stands that the code obeys, and tests prove it by the names given there. */
import { globSync, readFileSync } from 'node:fs'
import t from 'tap'

const root = new URL('..', import.meta.url).pathname
const read = (file: string) => readFileSync(`${root}${file}`, 'utf8')
const texts = (pattern: string) => globSync(pattern, { cwd: root }).map(read)

/** `RFC 2308 §3, §5` and `RFC 5452 §3 and §9` are two clauses each; comments break their lines anywhere. */
const citation = /RFC (\d+)((?:,?(?: and)? §\d+(?:\.\d+)*)+)?/g

function clausesOf(text: string): string[] {
  const flat = text.replaceAll(/\s+(?:\*|\/\/)?\s*/g, ' ')
  return [...flat.matchAll(citation)].flatMap(([, rfc = '', sections]) =>
    sections === undefined
      ? [`RFC ${rfc}`]
      : [...sections.matchAll(/§\d+(?:\.\d+)*/g)].map(([section]) => `RFC ${rfc} ${section}`),
  )
}

type Row = { readonly clauses: readonly string[]; readonly state: string; readonly tests: readonly string[] }

const rows: readonly Row[] = read('docs/conformance.md')
  .split('\n')
  .filter((line) => /^\| (?:RFC|PXE) /.test(line))
  .map((line) => {
    const [, clauses = '', state = '', , names = ''] = line.split(/ ?(?<!\\)\| ?/)
    return {
      clauses: clauses.startsWith('PXE') ? [clauses] : clausesOf(clauses),
      state,
      tests: [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
    }
  })

t.test('every clause that the code cites has a row', (t) => {
  const listed = new Set(rows.flatMap(({ clauses }) => clauses))
  const ofNumber = new Set([...listed].map((clause) => clause.replace(/ §.*/, '')))
  const cited = new Set(texts('src/**/*.ts').flatMap(clausesOf))
  // A number alone (`RFC 2347`) says which document a file is about: any row of it will do.
  const missing = [...cited].filter((clause) => !(clause.includes('§') ? listed : ofNumber).has(clause))
  t.same(missing.sort(), [])
  t.end()
})

t.test('no clause has two rows', (t) => {
  const all = rows.flatMap(({ clauses }) => clauses)
  t.same(
    all.filter((clause, index) => all.indexOf(clause) !== index),
    [],
  )
  t.end()
})

t.test('a row that conforms names its test, and a deviation is marked as such', (t) => {
  t.ok(rows.length > 100)
  for (const { clauses, state, tests } of rows) {
    t.match(state, /^(?:kept|deviates|not offered)$/, clauses.join(', '))
    if (state === 'kept') t.not(tests.length, 0, `${clauses.join(', ')} names a test`)
  }
  t.end()
})

t.test('every test that a row names exists', (t) => {
  const sources = [...texts('test/**/*.test.ts'), ...texts('test/e2e/{checks,ipv6}/*.ts')]
  const named = /(?:\b(?:test|name)(?:: |\(\s*))(['"`])((?:\\.|(?!\1)[^\\])*)\1/g
  const names = sources.flatMap((source) => [...source.matchAll(named)].map(([, , name = '']) => name))
  // In the document a template stands as in the source, without backticks.
  const known = new Set(names.map((name) => name.replaceAll(/\\(['"`])/g, '$1')))
  for (const { clauses, tests } of rows) {
    for (const name of tests) t.equal(known.has(name), true, `${clauses.join(', ')}: ${name}`)
  }
  t.end()
})
