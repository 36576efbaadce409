import { globSync } from 'node:fs'
import { access, readFile, writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { helpLines } from '../src/cli/command.ts'
import { commandGroups } from '../src/cli/registry.ts'
import { loadSite } from '../src/site/load.ts'
import { siteSchema } from '../src/site/schema.ts'
import { commandTable, exitTable, usageBlock } from './support/command-tables.ts'
import { schemaTable, type JsonSchema } from './support/schema-table.ts'

const root = new URL('../', import.meta.url)

t.test('docs/site-file.md lists every key of the schema (UPDATE=1 rewrites the table)', async (t) => {
  const table = schemaTable(z.toJSONSchema(siteSchema, { io: 'input' }) as JsonSchema)
  await compareTable(t, 'docs/site-file.md', 'keys', table)
})

t.test(
  'docs/cli.md lists every command, command line, and exit status (UPDATE=1 rewrites the tables)',
  async (t) => {
    await compareTable(t, 'docs/cli.md', 'commands', commandTable(commandGroups))
    const entries = Object.values(commandGroups).flat()
    const commands = await Promise.all(entries.map((entry) => entry.load()))
    await compareTable(t, 'docs/cli.md', 'usage', usageBlock(commands))
    await compareTable(t, 'docs/cli.md', 'exit', exitTable(commands))
  },
)

/** Compares a table in a document with what it must be, between the comments with this name. UPDATE=1 rewrites it. */
async function compareTable(t: Test, document: string, name: string, table: string): Promise<void> {
  const file = new URL(document, root)
  const text = await readFile(file, 'utf8')
  const [start, end] = [`<!-- ${name} -->\n`, `\n<!-- /${name} -->`]
  const from = text.indexOf(start) + start.length
  const to = text.indexOf(end)
  t.ok(from >= start.length && to >= from, 'the markers are there')
  if (process.env['UPDATE']) await writeFile(file, text.slice(0, from) + table + text.slice(to))
  else t.equal(text.slice(from, to), table)
}

t.test('every yaml block in the documents that is a site loads without a problem', async (t) => {
  const documents = globSync(['README.md', 'docs/*.md'], { cwd: root })
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
  const text = await readFile(new URL('docs/dns.md', root), 'utf8')
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
  for (const document of globSync(['README.md', 'CONTRIBUTING.md', 'docs/*.md'], { cwd: root })) {
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

t.test('every heading that the documents link to exists', async (t) => {
  const headings = new Map<string, ReadonlySet<string>>()
  const documents = globSync(['*.md', 'bench/*.md', 'docs/**/*.md'], { cwd: root })
  for (const document of documents) headings.set(new URL(document, root).href, await headingsOf(document))
  let links = 0
  for (const document of documents) {
    const at = new URL(document, root)
    const text = await readFile(at, 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)]*#[^)]+)\)/g)) {
      const { href, hash } = new URL(target, at)
      links++
      t.ok(headings.get(href.slice(0, -hash.length))?.has(hash.slice(1)), `${document}: ${target}`)
    }
  }
  t.ok(links > 40)
})

/** Returns the anchors of a document, as GitHub derives them from its headings. */
async function headingsOf(document: string): Promise<ReadonlySet<string>> {
  const text = (await readFile(new URL(document, root), 'utf8')).replaceAll(/^```.*?^```/gms, '')
  const titles = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => title)
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  )
}

t.test('every command line that the documents show has a command and options of the program', async (t) => {
  const entries = Object.values(commandGroups).flat()
  let lines = 0
  for (const document of globSync(['README.md', 'docs/*.md'], { cwd: root })) {
    const text = await readFile(new URL(document, root), 'utf8')
    const blocks = [...text.matchAll(/^ *```.*?^ *```$/gms)].join('\n').replaceAll('\\\n', '')
    for (const [line, name, rest = ''] of blocks.matchAll(
      /^ *(?:sudo |runuser -u slipway -- )?slipway ([a-z]+)(.*)$/gm,
    )) {
      const command = await entries.find((entry) => entry.name === name)?.load()
      t.ok(command, `${document}: ${line}`)
      const page = command?.helps?.[rest.trim().split(' ')[0] ?? ''] ?? command?.help
      const help = page === undefined ? '' : helpLines(page).join('\n')
      for (const [option] of rest.replace(/ # .*$/, '').matchAll(/--[a-z][a-z-]*/g)) {
        lines++
        t.match(help, new RegExp(`${option}(?![a-z-])`), `${document}: ${line}`)
      }
    }
  }
  t.ok(lines > 30, String(lines))
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
