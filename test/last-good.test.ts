import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readLastGood, saveLastGood } from '../src/last-good.ts'
import { prepare, type Ready } from '../src/prepare.ts'
import { planText } from './support/plan-text.ts'
import { siteFolder, sitePath, siteText } from './support/site-folder.ts'

async function ready(path: string): Promise<Ready> {
  const prepared = await prepare(path)
  if (prepared.kind !== 'ready') throw new Error('the site has problems')
  return prepared
}

t.test('the saved site gives the same plan, although its files have disappeared', async (t) => {
  const folder = t.testdir({ ...siteFolder(), state: {} })
  const path = sitePath(folder)
  const state = join(folder, 'state')
  const prepared = await ready(path)
  await saveLastGood(state, path, prepared)
  t.equal((await stat(join(state, 'last-good-site.json'))).mode & 0o777, 0o600, 'only for the service user')
  await chmod(join(folder, 'image'), 0)
  await writeFile(path, 'invalid')
  const saved = await readLastGood(state, path)
  await chmod(join(folder, 'image'), 0o755)
  t.equal(saved && planText(saved.plan), planText(prepared.plan))
  t.equal(saved?.model.serial, prepared.model.serial)
})

t.test('a saved site is not used for another path, another version, or if it is damaged', async (t) => {
  const folder = t.testdir({ ...siteFolder(), state: {} })
  const path = sitePath(folder)
  const state = join(folder, 'state')
  t.equal(await readLastGood(state, path), undefined, 'there is none')
  await saveLastGood(state, path, await ready(path))
  t.equal(await readLastGood(state, join(folder, 'other.yaml')), undefined)
  const file = join(state, 'last-good-site.json')
  const text = await readFile(file, 'utf8')
  const saved = JSON.parse(text) as Record<string, unknown>
  const cases: [name: string, text: string][] = [
    ['half written', text.slice(0, text.length / 2)],
    ['a later version', JSON.stringify({ ...saved, version: 2 })],
    ['without text', JSON.stringify({ ...saved, text: 7 })],
    [
      'a text that this version rejects',
      JSON.stringify({ ...saved, text: siteText(undefined, 'racks: []\n') }),
    ],
    ['JSON of another kind', 'null'],
  ]
  for (const [name, damaged] of cases) {
    await writeFile(file, damaged)
    t.equal(await readLastGood(state, path), undefined, name)
  }
  await writeFile(file, JSON.stringify({ ...saved, facts: 'AAAA' }))
  t.match(await readLastGood(state, path), { kind: 'ready' }, 'facts that cannot be read are gathered again')
})
