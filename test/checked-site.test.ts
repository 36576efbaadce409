import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { checkedSites, readCheckedSite, saveCheckedSite } from '../src/checked-site.ts'
import { loadSiteFile } from '../src/site-file.ts'
import { siteFolder, sitePath, siteText } from './support/site-folder.ts'

const build = 'build-1'
const siteFile = fileURLToPath(new URL('../src/site-file.ts', import.meta.url))

t.test('a start with a validated text uses the kept site, which equals the validated one', async (t) => {
  const folder = t.testdir({ ...siteFolder(), cache: {} })
  const path = sitePath(folder)
  const checked = { directory: join(folder, 'cache'), build }
  const validated = await loadSiteFile(path)
  t.same(await loadSiteFile(path, checked), validated)
  t.equal(
    (await stat(join(checked.directory, 'checked-site'))).mode & 0o777,
    0o600,
    'only for the service user',
  )
  const text = await readFile(path, 'utf8')
  t.match(await readCheckedSite(checked, { path, text }), { site: 'lab' })
  t.same(await loadSiteFile(path, checked), validated, 'from the cache')
})

t.test('a start with a validated text loads neither the schema nor the parser', async (t) => {
  const folder = t.testdir({ ...siteFolder(), cache: {} })
  const path = sitePath(folder)
  const checked = { directory: join(folder, 'cache'), build }
  const script = `
    const { isLoaderReady, loadSiteFile } = await import(${JSON.stringify(siteFile)})
    const { kind } = await loadSiteFile(${JSON.stringify(path)}, ${JSON.stringify(checked)})
    process.stdout.write(kind + ' ' + isLoaderReady())`
  const start = () =>
    execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' })
  t.equal(start(), 'site true', 'the first start validates')
  t.equal(start(), 'site false')
  await writeFile(path, `${await readFile(path, 'utf8')}\n`)
  t.equal(start(), 'site true', 'after a change')
  t.equal(start(), 'site false')
})

t.test('another text, path, build, or a damaged file is validated again', async (t) => {
  const folder = t.testdir({ ...siteFolder(), cache: {} })
  const path = sitePath(folder)
  const text = await readFile(path, 'utf8')
  const checked = { directory: join(folder, 'cache'), build }
  const loaded = await loadSiteFile(path, checked)
  if (loaded.kind !== 'site') throw new Error('the site has problems')
  t.equal(await readCheckedSite(checked, { path, text: `${text}\n` }), undefined, 'text')
  t.equal(await readCheckedSite(checked, { path: `${path}.other`, text }), undefined, 'path')
  t.equal(await readCheckedSite({ ...checked, build: 'build-2' }, { path, text }), undefined, 'build')

  const file = join(checked.directory, 'checked-site')
  const bytes = await readFile(file)
  for (const at of [0, 40, bytes.length >> 1, bytes.length - 1]) {
    const damaged = Buffer.from(bytes)
    damaged.writeUInt8((damaged[at] as number) ^ 1, at)
    await writeFile(file, damaged)
    t.equal(await readCheckedSite(checked, { path, text }), undefined, `bit flipped at ${at}`)
  }
  await writeFile(file, bytes.subarray(0, 100))
  t.equal(await readCheckedSite(checked, { path, text }), undefined, 'truncated')
  await writeFile(file, bytes)
  t.same(await readCheckedSite(checked, { path, text }), loaded.site)
})

t.test('a site with problems is never kept, and replaces nothing', async (t) => {
  const folder = t.testdir({ ...siteFolder(), cache: {} })
  const path = sitePath(folder)
  const checked = { directory: join(folder, 'cache'), build }
  const text = await readFile(path, 'utf8')
  await loadSiteFile(path, checked)
  await writeFile(path, siteText(undefined, 'racks: []\n'))
  t.match(await loadSiteFile(path, checked), { kind: 'problems' })
  t.match(await loadSiteFile(path, checked), { kind: 'problems' }, 'again')
  t.ok(await readCheckedSite(checked, { path, text }))
})

t.test('a start does not fail if the cache cannot be written', async (t) => {
  const folder = t.testdir(siteFolder())
  const checked = { directory: join(folder, 'none'), build }
  const loaded = await loadSiteFile(sitePath(folder), checked)
  if (loaded.kind !== 'site') throw new Error('the site has problems')
  await saveCheckedSite(checked, { path: '/site.yaml', text: '' }, loaded.site)
  t.equal(await readCheckedSite(checked, { path: '/site.yaml', text: '' }), undefined)
})

t.test('sites are kept by a built program only, and only where no other user can write', (t) => {
  const folder = t.testdir({ own: {}, shared: {} })
  chmodSync(join(folder, 'own'), 0o700)
  chmodSync(join(folder, 'shared'), 0o777)
  t.equal(checkedSites(), undefined, 'the source has no build')
  t.match(checkedSites(build, join(folder, 'own')), { build })
  t.intercept(process, 'env', { value: { CACHE_DIRECTORY: join(folder, 'shared') } })
  t.equal(checkedSites(build), undefined)
  t.end()
})
