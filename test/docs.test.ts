import { globSync } from 'node:fs'
import { access, readFile, writeFile } from 'node:fs/promises'
import t from 'tap'
import { z } from 'zod'
import { loadSite } from '../src/site/load.ts'
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

t.test('every yaml block in the documents that is a site loads without a problem', async (t) => {
  const documents = ['README.md', 'docs/site-file.md', 'docs/running.md']
  let sites = 0
  for (const document of documents) {
    const text = await readFile(new URL(document, root), 'utf8')
    for (const [, block] of text.matchAll(/^```yaml\n(.*?)^```$/gms)) {
      if (block === undefined || !/^site:/m.test(block)) continue
      sites++
      t.match(loadSite(block, document), { kind: 'site' }, document)
    }
  }
  t.ok(sites > 0, 'there are such blocks')
})

t.test('the steps for moving a load balancer name the TTL that its records have', async (t) => {
  const text = await readFile(new URL('docs/running.md', root), 'utf8')
  const steps = text.split('\n## Moving a load balancer\n')[1]?.split('\n## ')[0] ?? ''
  const ttl = siteSchema.shape.dns.parse({}).ttlSeconds
  t.match(steps, `\`dns.ttlSeconds\`, by default ${ttl}`)
  t.equal(ttl, 3600)
  t.match(
    steps,
    /1\. Set `dns\.ttlSeconds: 60` and reload\.\n2\. Wait for the previous TTL, one hour by default/,
  )
})

t.test('every command of npm that the documents name exists', async (t) => {
  const manifest = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as {
    scripts: Record<string, string>
  }
  for (const document of ['README.md', 'CONTRIBUTING.md', 'docs/running.md', 'docs/site-file.md']) {
    const text = await readFile(new URL(document, root), 'utf8')
    for (const [, script] of text.matchAll(/npm run (?:-s )?([\w:-]+)/g)) {
      t.ok(script !== undefined && script in manifest.scripts, `${document}: npm run ${script}`)
    }
  }
})

t.test('every file that the documents link to exists', async (t) => {
  const documents = globSync(['*.md', 'docs/**/*.md'], { cwd: root })
  t.ok(documents.length > 30)
  for (const document of documents) {
    const at = new URL(document, root)
    const text = await readFile(at, 'utf8')
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      t.ok(
        await access(new URL(target ?? '', at)).then(
          () => true,
          () => false,
        ),
        `${document}: ${target}`,
      )
    }
  }
})

t.test('every path in the source tree that the documents name exists', async (t) => {
  for (const document of globSync(['*.md', 'docs/**/*.md'], { cwd: root })) {
    const text = await readFile(new URL(document, root), 'utf8')
    const paths = [...text.matchAll(/`((?:src|test|bench|config|docs|systemd)\/[\w./@-]*)`/g)]
    for (const [, path = ''] of paths) {
      t.ok(
        await access(new URL(path, root)).then(
          () => true,
          () => false,
        ),
        `${document}: ${path}`,
      )
    }
  }
})
