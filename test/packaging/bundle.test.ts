import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { siteFolder, sitePath } from '../support/site-folder.ts'

const program = fileURLToPath(new URL('../../packaging/bundle.ts', import.meta.url))

function bundle(directory: string): ReadonlyMap<string, Buffer> {
  execFileSync(process.execPath, [program, directory])
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name !== 'page',
  )
  return new Map(names.map((name) => [name, readFileSync(join(directory, name))]))
}

t.test('two builds have the same bytes, and name no directory of the machine', (t) => {
  const folder = t.testdir({})
  const first = bundle(join(folder, 'one'))
  t.same(bundle(join(folder, 'other')), first)
  const root = fileURLToPath(new URL('../../', import.meta.url))
  t.notOk([...first.values()].some((content) => content.includes(root)))
  t.end()
})

t.test('the page is in the package, ready to send', (t) => {
  const files = bundle(join(t.testdir({}), 'dist'))
  for (const name of ['index.html', 'page.css', 'icon.svg']) t.ok(files.has(`page/${name}`), name)
  t.notMatch(String(files.get('page/main.js')), /from ?["']/, 'one file, without imports')
  t.end()
})

t.test('the bundled program runs, and its workers are beside it', async (t) => {
  const folder = t.testdir({ ...siteFolder(), dist: {} })
  const dist = join(folder, 'dist')
  const files = bundle(dist)
  t.match(
    execFileSync(process.execPath, [join(dist, 'main.js'), 'version'], { encoding: 'utf8' }),
    /^slipway \d/,
  )
  t.ok(files.has('decode-worker.js'))
  const worker = new Worker(join(dist, 'site-worker.js'), {
    workerData: { sitePath: sitePath(folder) },
    env: {},
  })
  const [loaded] = (await once(worker, 'message')) as [unknown]
  t.match(loaded, { kind: 'site', site: { site: 'lab' } })
})

/** Returns the chunks that are loaded with a chunk, without those that it loads on demand. */
function loadedWith(
  files: ReadonlyMap<string, Buffer>,
  name: string,
  loaded = new Set<string>(),
): Set<string> {
  if (loaded.has(name)) return loaded
  loaded.add(name)
  const text = (files.get(name) as Buffer).toString()
  for (const [, imported] of text.matchAll(/^(?:import|\} from) "\.\/([^"]+)";$/gm)) {
    loadedWith(files, imported as string, loaded)
  }
  return loaded
}

t.test('the bundle has no packages that the program never calls', (t) => {
  const files = bundle(join(t.testdir({}), 'dist'))
  const text = [...files.values()].join('\n')
  for (const name of [
    'glob',
    'light-my-request',
    'fast-json-stringify/lib/standalone',
    '@fastify/ajv-compiler',
  ]) {
    t.notMatch(text, `// node_modules/${name}`, name)
  }
  t.match(text, '// node_modules/fastify/')
  t.end()
})

t.test('a start loads the schema, the YAML parser, and what follows clusters only on demand', (t) => {
  const files = bundle(join(t.testdir({}), 'dist'))
  const serve = [...files.keys()].find((name) => name.startsWith('serve-')) as string
  const loaded = [...loadedWith(files, serve)]
  const packages = (names: readonly string[]) =>
    new Set(
      names.flatMap((name) =>
        [
          ...(files.get(name) as Buffer).toString().matchAll(/^\/\/ node_modules\/((?:@[^/]+\/)?[^/]+)/gm),
        ].map(([, found]) => found as string),
      ),
    )
  t.ok(packages(loaded).has('fastify'))
  const onDemand = ['zod', 'yaml', '@peculiar/asn1-csr']
  t.same(
    onDemand.filter((name) => packages(loaded).has(name)),
    [],
  )
  t.same(
    onDemand.filter((name) => !packages([...files.keys()]).has(name)),
    [],
    'they are in the bundle',
  )
  t.end()
})
