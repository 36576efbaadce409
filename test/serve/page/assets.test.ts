import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { loadAssets } from '../../../src/serve/page/assets.ts'

t.test('from the source, each module is sent without its types, and names the others as URLs', async (t) => {
  const assets = await loadAssets()
  const main = assets.get('/page/serve/page/browser/main.js')?.body.toString() ?? ''
  t.match(main, /from '\.\/rack-view\.js'/)
  t.notMatch(main, /import type/)
  t.notMatch(main, /from '[^']*\.ts'/)
  t.ok(assets.has('/page/text/format.js'), 'modules that the commands use too')
  t.notOk(assets.has('/page/install/reports.js'), 'a module that is imported for its types only')
  for (const [path, { body, compressed, etag }] of assets) {
    t.same(gunzipSync(compressed), body, path)
    t.match(etag, /^"[\w-]{22}"$/)
  }
  const size = [...assets.values()].reduce((sum, { compressed }) => sum + compressed.length, 0)
  t.ok(size < 150_000, `${size} bytes are less than 150 kB`)
})

t.test('a package has its files ready to send', async (t) => {
  const directory = t.testdir()
  mkdirSync(join(directory, 'page'))
  for (const name of ['index.html', 'page.css', 'icon.svg', 'main.js'])
    writeFileSync(join(directory, 'page', name), name)
  const assets = await loadAssets(pathToFileURL(`${directory}/page/`))
  t.same(
    [...assets].map(([path, { type, body }]) => [path, type, body.toString()]),
    [
      ['/', 'text/html; charset=utf-8', 'index.html'],
      ['/page/page.css', 'text/css; charset=utf-8', 'page.css'],
      ['/page/icon.svg', 'image/svg+xml', 'icon.svg'],
      ['/page/main.js', 'text/javascript; charset=utf-8', 'main.js'],
    ],
  )
})
