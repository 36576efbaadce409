import {
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { haproxy } from '../../../src/cli/commands/haproxy.ts'
import { keptTerminal } from '../../support/terminal.ts'

const guide = readFileSync(new URL('../../fixtures/haproxy/guide.cfg', import.meta.url), 'utf8')

function world(t: Test, text: string | null = guide) {
  const dir = t.testdir({})
  const [source, target] = [join(dir, 'haproxy.cfg'), join(dir, '.haproxy.cfg.new')]
  if (text !== null) writeFileSync(source, text)
  const accept = async (...args: string[]) => {
    const terminal = keptTerminal()
    const code = await haproxy.run(args.length > 0 ? args : ['accept', source, target], terminal)
    return { code, err: terminal.errLines.join('\n') }
  }
  return { dir, source, target, accept }
}

t.test('a configuration that slipway wrote is copied', async (t) => {
  const { target, accept } = world(t)
  t.same(await accept(), { code: 0, err: '' })
  t.equal(readFileSync(target, 'utf8'), guide)
  t.equal(statSync(target).mode & 0o777, 0o644)
})

t.test('a directive that slipway does not write is refused with its line number, not its text', async (t) => {
  const { source, target, accept } = world(t, guide.replace('  user haproxy', '  lua-load /tmp/x.lua'))
  const { code, err } = await accept()
  t.equal(code, 1)
  t.match(err, new RegExp(`^slipway haproxy accept: ${source}:\\d+: a line that slipway does not write$`))
  t.throws(() => statSync(target))
})

t.test('links, directories, pipes, and large files are refused', async (t) => {
  const cases: Record<string, (source: string, dir: string) => void> = {
    'is a symbolic link': (source, dir) => {
      writeFileSync(join(dir, 'other'), guide)
      symlinkSync('other', source)
    },
    'has 2 hard links': (source, dir) => {
      writeFileSync(join(dir, 'other'), guide)
      linkSync(join(dir, 'other'), source)
    },
    'is not a regular file': (source) => mkdirSync(source),
    'more than the maximum': (source) => {
      writeFileSync(source, guide)
      truncateSync(source, 5 * 1024 * 1024)
    },
    ENOENT: () => {},
  }
  for (const [reason, prepare] of Object.entries(cases)) {
    await t.test(reason, async (t) => {
      const { dir, source, target, accept } = world(t, null)
      prepare(source, dir)
      const { code, err } = await accept()
      t.equal(code, 1)
      t.match(err, reason)
      t.throws(() => statSync(target))
    })
  }
  await t.test('a pipe', async (t) => {
    const { source, accept } = world(t, null)
    spawnSync('/bin/sh', ['-c', 'exec mkfifo "$0"', source])
    t.match(await accept(), { code: 1, err: /is not a regular file/ })
  })
})

t.test('an invalid command line is refused', async (t) => {
  const { accept } = world(t)
  for (const args of [
    ['copy', 'a', 'b'],
    ['accept', 'a'],
    ['accept', 'a', 'b', 'c'],
  ]) {
    await t.rejects(accept(...args), { name: 'UsageError' })
  }
})
