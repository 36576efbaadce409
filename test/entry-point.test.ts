/** The entry point and the scripts of package.json: a fresh checkout and an old Node.js get what they need, or one clear line. */
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const root = new URL('..', import.meta.url).pathname

/** Runs an entry point in a Node.js that reports another version. */
function runIn(version: string, entry: string) {
  const lie = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  const args = ['--import', `data:text/javascript,${encodeURIComponent(lie)}`, entry, '--version']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return { status, stdout, stderr }
}

t.test('an old Node.js prints one line, which names a program that works', (t) => {
  for (const version of ['20.20.2', '22.17.9']) {
    const { status, stdout, stderr } = runIn(version, join(root, 'bin/slipway.js'))
    t.same({ status, stdout }, { status: 1, stdout: '' })
    t.equal(stderr.split('\n').length, 2, stderr)
    t.match(stderr, `slipway needs Node.js 22.18 or later, and this is ${version}: run ${root}bin/slipway, `)
  }
  t.equal(runIn('22.18.0', join(root, 'bin/slipway.js')).status, 0)
  t.end()
})

t.test('so does an old Node.js with only the entry point, as the npm package has it', (t) => {
  const directory = t.testdir({ bin: {}, 'package.json': '{ "type": "module" }' })
  cpSync(join(root, 'bin/slipway.js'), join(directory, 'bin/slipway.js'))
  const { status, stderr } = runIn('20.20.2', join(directory, 'bin/slipway.js'))
  t.equal(status, 1)
  t.match(
    stderr,
    /^slipway needs Node\.js 22\.18 or later, and this is 20\.20\.2: install a later Node\.js\n$/,
  )
  t.end()
})

t.test('every script of package.json installs what it needs first', (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>
  }
  const isHook = (name: string) => /^(?:pre|post)/.test(name) && name.replace(/^(?:pre|post)/, '') in scripts
  const own = Object.keys(scripts).filter((name) => !isHook(name) && name !== 'prepack')
  t.ok(own.length > 10)
  for (const name of own) t.match(scripts[`pre${name}`], /^\.ci\/deps/, `pre${name}`)
  t.end()
})
