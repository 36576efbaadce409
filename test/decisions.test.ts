/** docs/decisions/0007 lists every labelled reading of an RFC and every deviation, and nothing else. */
import { globSync, readFileSync } from 'node:fs'
import t from 'tap'

const root = new URL('..', import.meta.url).pathname
const label = /(?:We read|Deviates from) (RFC \d+ §\d+(?:\.\d+)*)/g

t.test('the record and the labels in the code are the same clauses', (t) => {
  const sources = globSync('src/**/*.ts', { cwd: root }).map((file) => readFileSync(`${root}${file}`, 'utf8'))
  const labelled = sources.flatMap((source) => [...source.matchAll(label)].map(([, clause]) => clause))
  const record = readFileSync(`${root}docs/decisions/0007-rfc-interpretations.md`, 'utf8')
  const listed = [...record.matchAll(/^\| (RFC \d+ §[\d.]+) \|/gm)].map(([, clause]) => clause)
  t.same(listed.sort(), [...new Set(labelled)].sort())
  t.end()
})

t.test('every record is in the index, by its title', (t) => {
  const folder = `${root}docs/decisions/`
  const index = readFileSync(`${folder}README.md`, 'utf8')
  const files = globSync('[0-9]*.md', { cwd: folder })
  t.equal(files.length, index.match(/^\| \[\d{4}\]/gm)?.length)
  for (const file of files) {
    t.equal(index.includes(`](${file})`), true, file)
    t.match(readFileSync(`${folder}${file}`, 'utf8'), new RegExp(`^# ${file.slice(0, 4)} `))
  }
  t.end()
})
