import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { addToHistory, readHistory } from '../src/site-history.ts'

const path = '/etc/slipway/site.yaml'
const entry = (text: string, at = 1) => ({ at, summary: `site ${text}`, text })

t.test(
  'the newest site comes first, the same text is kept once, and only the service user can read it',
  async (t) => {
    const directory = t.testdir()
    t.same(await readHistory(directory, path), [], 'there is none yet')
    for (const text of ['a', 'b', 'b', 'a']) await addToHistory(directory, path, entry(text))
    t.same(
      (await readHistory(directory, path)).map(({ text }) => text),
      ['a', 'b', 'a'],
    )
    const folder = join(directory, 'site-history')
    t.equal((await stat(folder)).mode & 0o777, 0o700)
    t.equal((await stat(join(folder, '00000001.json'))).mode & 0o777, 0o600)
    t.same(await readHistory(directory, '/srv/other.yaml'), [], 'a site of another path is not returned')
  },
)

t.test('the oldest sites beyond 20 files or 32 MiB are removed, but never the newest', async (t) => {
  const directory = t.testdir()
  const folder = join(directory, 'site-history')
  for (let number = 1; number <= 22; number++) await addToHistory(directory, path, entry(`${number}`))
  const names = await readdir(folder)
  t.same([names.length, names[0]], [20, '00000003.json'])
  await truncate(join(folder, '00000010.json'), 33 * 1024 * 1024)
  await addToHistory(directory, path, entry('23'))
  t.same((await readdir(folder))[0], '00000011.json')
  await addToHistory(directory, path, entry('x'.repeat(33 * 1024 * 1024)))
  t.same(await readdir(folder), ['00000024.json'])
})

t.test('a damaged file is left out', async (t) => {
  const directory = t.testdir()
  await addToHistory(directory, path, entry('a'))
  await addToHistory(directory, path, entry('b'))
  const file = join(directory, 'site-history', '00000002.json')
  const text = await readFile(file, 'utf8')
  const saved = JSON.parse(text) as object
  const cases: readonly [name: string, text: string][] = [
    ['half written', text.slice(0, 20)],
    ['of a later version', JSON.stringify({ ...saved, version: 2 })],
    ['without a text', JSON.stringify({ ...saved, text: 7 })],
  ]
  for (const [name, damaged] of cases) {
    await writeFile(file, damaged)
    t.same(await readHistory(directory, path), [entry('a')], name)
  }
  await writeFile(join(directory, 'site-history', 'notes.txt'), 'not an entry')
  await addToHistory(directory, path, entry('c'))
  t.same(
    (await readHistory(directory, path)).map(({ text: each }) => each),
    ['c', 'a'],
  )
})
