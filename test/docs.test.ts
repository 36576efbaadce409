import { readFile, writeFile } from 'node:fs/promises'
import t from 'tap'
import { z } from 'zod'
import { siteSchema } from '../src/site/schema.ts'
import { schemaTable, type JsonSchema } from './support/schema-table.ts'

const root = new URL('../', import.meta.url)

t.test('docs/site-file.md lists every key of the schema (UPDATE=1 rewrites the table)', async (t) => {
  const file = new URL('docs/site-file.md', root)
  const text = await readFile(file, 'utf8')
  const table = schemaTable(z.toJSONSchema(siteSchema, { io: 'input' }) as JsonSchema)
  const [start, end] = ['<!-- keys -->\n', '\n<!-- /keys -->']
  const from = text.indexOf(start) + start.length
  const to = text.indexOf(end)
  t.ok(from >= start.length && to > from, 'the markers are there')
  if (process.env['UPDATE']) await writeFile(file, text.slice(0, from) + table + text.slice(to))
  else t.equal(text.slice(from, to), table)
})
