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
  return new Map(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name))]))
}

t.test('two builds have the same bytes, and name no directory of the machine', (t) => {
  const folder = t.testdir({})
  const first = bundle(join(folder, 'one'))
  t.same(bundle(join(folder, 'other')), first)
  const root = fileURLToPath(new URL('../../', import.meta.url))
  t.notOk([...first.values()].some((content) => content.includes(root)))
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
  const worker = new Worker(join(dist, 'site-worker.js'), { workerData: sitePath(folder), env: {} })
  const [loaded] = (await once(worker, 'message')) as [unknown]
  t.match(loaded, { kind: 'site', site: { site: 'lab' } })
})
