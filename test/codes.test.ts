import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { codeAreas, codeRegistries, renderCodes } from '../src/codes.ts'

const source = new URL('../src/', import.meta.url)
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
)
const entries = codeRegistries.flatMap((registry) => Object.entries(registry))
const codes = entries.map(([code]) => code)

t.test('docs/codes.md lists every code (UPDATE=1 writes it)', (t) => {
  const page = new URL('../docs/codes.md', import.meta.url)
  if (process.env['UPDATE'] === '1') writeFileSync(page, renderCodes())
  t.equal(renderCodes(), readFileSync(page, 'utf8'))
  t.end()
})

t.test('every registry in src is joined', (t) => {
  const registries = files.filter((file) => file.endsWith('/codes.ts') && file !== 'text/codes.ts')
  t.equal(codeRegistries.length, registries.length, registries.join(', '))
  t.end()
})

t.test('every code is unique and well formed', (t) => {
  t.same(codes, [...new Set(codes)])
  for (const code of codes) {
    t.match(code, /^[a-z][a-z0-9]*\.[a-z0-9]+(?:-[a-z0-9]+)*$/, code)
    t.hasOwnProp(codeAreas, code.slice(0, code.indexOf('.')), `the area of ${code} is known`)
  }
  t.end()
})

t.test('every code has a meaning and a remedy: one sentence each, without a full stop', (t) => {
  for (const [code, { meaning, remedy }] of entries) {
    t.match(meaning, /^[^|\n]+[^.|\n]$/, `${code}: meaning`)
    t.match(remedy, /^[A-Z][^|\n]+[^.|\n]$/, `${code}: remedy`)
  }
  t.end()
})

t.test('every code is used in src outside its registry', (t) => {
  const text = files
    .filter((file) => !file.endsWith('codes.ts'))
    .map((file) => readFileSync(new URL(file, source), 'utf8'))
    .join('\n')
  t.same(
    codes.filter((code) => !text.includes(`'${code}'`)),
    [],
  )
  t.end()
})
