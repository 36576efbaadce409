import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { UsageError } from '../../../src/cli/command.ts'
import { history, historyLines } from '../../../src/cli/commands/history.ts'
import { addToHistory } from '../../../src/site-history.ts'
import { controlService } from '../../support/control-service.ts'
import { keptTerminal } from '../../support/terminal.ts'

async function run(...args: string[]) {
  const terminal = keptTerminal()
  const code = await history.run(args, terminal)
  return { code, out: terminal.outLines, err: terminal.errLines }
}

t.test('the list has the active site first', async (t) => {
  const at = new Date(2026, 10, 29, 15).getTime()
  t.same(
    historyLines([
      { number: 0, at, summary: 'reload: 1 node added', by: 'token:anna', confirmBy: at + 300_000 },
      { number: 1, at: at - 86_400_000, summary: '6 nodes at the start' },
    ]),
    [
      'number  served since             user        site',
      '0       2026-11-29 15:00:00 UTC  token:anna  active; not confirmed until 15:05:00 UTC; reload: 1 node added',
      '1       2026-11-28 15:00:00 UTC              6 nodes at the start',
    ],
  )
  const { path } = await controlService(t)
  t.match(await run('--control', path), { code: 0, out: { length: 3 } })
  const { out } = await run('--control', path, '--json')
  t.match(JSON.parse(out.join('\n')), [{ number: 0 }, { number: 1, summary: '6 nodes at the start' }])
})

t.test('show prints a site file of the state directory, or writes it', async (t) => {
  const state = join(t.testdir({ 'site.yaml': 'broken', state: {} }), 'state')
  const site = join(state, '../site.yaml')
  await addToHistory(state, site, { at: 1, summary: 'first', text: 'site: one\n' })
  await addToHistory(state, site, { at: 2, summary: 'second', text: 'site: two\n' })
  const options = ['--state', state, '--site', site]
  t.same(await run('show', ...options), { code: 0, out: ['site: two'], err: [] })
  t.same(await run('show', '1', ...options), { code: 0, out: ['site: one'], err: [] })
  const { mode } = await stat(site)
  t.same(await run('show', '--output', site, ...options), { code: 0, out: [`${site}: written`], err: [] })
  t.equal(await readFile(site, 'utf8'), 'site: two\n')
  t.equal((await stat(site)).mode, mode)
  t.same(await run('show', '2', ...options), {
    code: 1,
    out: [],
    err: [
      `slipway history: ${state} has no readable site with the number 2; "slipway history" lists the numbers; if slipway has another state directory, specify it with --state DIR`,
    ],
  })
  await mkdir(join(state, 'folder'))
  await writeFile(join(state, 'folder/x'), '')
  t.match(await run('show', '--output', join(state, 'folder'), ...options), {
    code: 1,
    err: [/^slipway history: cannot write .*folder: it is a directory; name a file in it/],
  })
})

t.test('show asks the running slipway, which knows its state directory', async (t) => {
  const { path } = await controlService(t)
  t.same(await run('show', '1', '--control', path), { code: 0, out: ['site: number-1'], err: [] })
  t.match(await run('show', '9', '--control', path), {
    code: 1,
    err: [/^slipway: the history has no site with the number 9; /],
  })
  const state = join(t.testdir({ 'site.yaml': 'broken', state: {} }), 'state')
  const site = join(state, '../site.yaml')
  await addToHistory(state, site, { at: 1, summary: 'first', text: 'site: one\n' })
  t.same(await run('show', '--state', state, '--site', site, '--control', path), {
    code: 0,
    out: ['site: one'],
    err: [],
  })
  process.env['STATE_DIRECTORY'] = state
  process.env['SLIPWAY_SITE'] = site
  t.teardown(() => {
    for (const name of ['STATE_DIRECTORY', 'SLIPWAY_SITE']) Reflect.deleteProperty(process.env, name)
  })
  t.same(await run('show', '--control', '/nonexistent/control.sock'), {
    code: 0,
    out: ['site: one'],
    err: [],
  })
})

t.test('invalid command lines', async (t) => {
  const error = new UsageError('expected no arguments, or show and a number')
  for (const args of [['list'], ['show', 'one'], ['show', '1', '2']]) await t.rejects(run(...args), error)
})
