import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { prepare, prepareInBackground, type Ready } from '../src/prepare.ts'
import { planText } from './support/plan-text.ts'
import { siteFolder, sitePath, siteText } from './support/site-folder.ts'

/** A site file too large to be loaded without a worker. */
function largeSite(workers = 400): string {
  const nodes = Array.from({ length: workers }, (_, index) => {
    const mac = `00:00:5e:01:${hex(index >> 8)}:${hex(index & 255)}`
    return `      - { name: n${index}, role: worker, mac: "${mac}", address: 10.0.${index >> 8}.${index & 255} }\n`
  })
  return siteText(undefined, nodes.join('').replace('10.0.0.0 ', '10.0.9.1 ')).replace(
    '{ cidr: 192.0.2.0/24 }',
    '{ cidr: 192.0.2.0/24 }, { cidr: 10.0.0.0/16 }',
  )
}

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0')
}

async function ready(path: string): Promise<Ready> {
  const prepared = await prepare(path)
  if (prepared.kind !== 'ready') throw new Error(JSON.stringify(prepared))
  return prepared
}

t.test('a site prepared in the background gives the same plan', async (t) => {
  for (const text of [siteText(), largeSite()]) {
    const path = sitePath(t.testdir(siteFolder(text)))
    const { plan, model } = await ready(path)
    const background = await prepareInBackground(path, plan)
    if (background.kind !== 'ready') throw new Error(JSON.stringify(background))
    t.equal(planText(background.plan), planText(plan), `${text.length} bytes`)
    t.equal(background.model.serial, model.serial)
  }
})

t.test('a site that an earlier start validated gives the same plan', async (t) => {
  const folder = t.testdir({ ...siteFolder(largeSite()), cache: {} })
  const path = sitePath(folder)
  const checked = { directory: join(folder, 'cache'), build: 'build' }
  const { plan } = await ready(path)
  for (const from of ['file', 'cache']) {
    const again = await prepare(path, checked)
    t.equal(again.kind === 'ready' && planText(again.plan), planText(plan), from)
  }
})

t.test('problems and missing files are reported as without a worker', async (t) => {
  const path = sitePath(t.testdir(siteFolder(largeSite())))
  const { plan } = await ready(path)
  await writeFile(path, `${largeSite()}racks: []\n`)
  t.same(await prepareInBackground(path, plan), await prepare(path))
  t.match(await prepareInBackground(`${path}.none`, plan), { kind: 'unreadable', code: 'site.unreadable' })
})

t.test('a reload that needs more memory than there is leaves a reason, and the process alive', async (t) => {
  const path = sitePath(t.testdir(siteFolder(largeSite())))
  const { plan } = await ready(path)
  let available = 30 * 1024 * 1024
  t.intercept(process, 'availableMemory', { value: () => available })
  t.match(await prepareInBackground(path, plan), { kind: 'unreadable', code: 'site.out-of-memory' })
  await writeFile(path, largeSite(12_000))
  available = 55 * 1024 * 1024
  t.match(await prepareInBackground(path, plan), { kind: 'unreadable', code: 'site.out-of-memory' })
})

t.test(
  'a small site is loaded in a worker until the schema is loaded, or without one if memory is short',
  (t) => {
    const folder = t.testdir({ ...siteFolder(), cache: {} })
    const checked = { directory: join(folder, 'cache'), build: 'build' }
    const [prepareFile, siteFile] = ['prepare', 'site-file'].map((name) =>
      fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url)),
    )
    const script = (availableMemory: string) => `
    const { prepare, prepareInBackground } = await import(${JSON.stringify(prepareFile)})
    const { isLoaderReady } = await import(${JSON.stringify(siteFile)})
    const path = ${JSON.stringify(sitePath(folder))}
    const { plan } = await prepare(path, ${JSON.stringify(checked)})
    ${availableMemory}
    const states = [isLoaderReady()]
    const { kind } = await prepareInBackground(path, plan)
    process.stdout.write([kind, ...states, isLoaderReady()].join(' '))`
    const run = (availableMemory = ''): string => {
      const program = join(folder, 'program.mjs')
      writeFileSync(program, script(availableMemory))
      return execFileSync(process.execPath, [program], { encoding: 'utf8' })
    }
    t.equal(run(), 'ready true true', 'the first start validated the site')
    t.equal(run(), 'ready false false', 'in a worker')
    t.equal(run('process.availableMemory = () => 30 * 1024 * 1024'), 'ready false true')
    t.end()
  },
)
