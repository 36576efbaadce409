import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { UsageError } from '../../../src/cli/command.ts'
import { state } from '../../../src/cli/commands/state.ts'
import { openStore } from '../../../src/install/open-store.ts'
import { fakeSlipway, Refused } from '../../support/fake-slipway.ts'
import { keptTerminal } from '../../support/terminal.ts'

async function run(...args: string[]) {
  const terminal = keptTerminal()
  const code = await state.run(args, terminal)
  return { code, out: terminal.outLines, err: terminal.errLines }
}

/** The state directory of a slipway that does not run, as options. */
function stopped(t: Test): { directory: string; options: string[] } {
  const directory = t.testdir({})
  openStore(directory, { now: Date.now(), site: 'lab' }).close()
  return { directory, options: ['--state', directory, '--control', '/nonexistent/socket'] }
}

t.test('the state of a stopped slipway is checked, backed up, and restored', async (t) => {
  const { directory, options } = stopped(t)
  t.match(await run('check', ...options), {
    code: 0,
    err: [],
    out: [`${directory}/install.db: 0 machines of site lab, 0 observations`],
  })
  const backup = join(directory, 'backup.db')
  t.match(await run('backup', ...options, backup), { code: 0, out: [/backup\.db: 0 machines of site lab/] })
  t.match(await run('backup', ...options, backup), { code: 1, err: [/^slipway state: .*backup\.db exists/] })
  t.match(JSON.parse((await run('check', backup, '--json')).out.join('')), { machines: 0, site: 'lab' })
  const restored = await run('restore', ...options, backup)
  t.match(restored, {
    code: 0,
    out: [
      `${directory}/install.db: restored from ${backup}`,
      /^the previous state is kept in .*install\.db\.before-restore-/,
      /^next: start slipway/,
    ],
  })
  t.ok(readdirSync(directory).some((name) => name.startsWith('install.db.before-restore-')))
  t.match(await run('check', ...options), {
    code: 1,
    out: [/install\.db: 0 machines/, /^! the state was restored from/],
  })
})

t.test('a damaged or missing database is one sentence; exit code 1', async (t) => {
  const { directory, options } = stopped(t)
  t.match(await run('check', join(directory, 'none.db')), {
    code: 1,
    err: [/none\.db does not exist: check the path$/],
  })
  const damaged = join(directory, 'damaged.db')
  writeFileSync(damaged, 'not a database at all, but long enough to look at'.repeat(40))
  t.match(await run('check', damaged), { code: 1, err: [/^slipway state: .*damaged\.db cannot be read/] })
  t.match(await run('restore', ...options, damaged), { code: 1, err: [/damaged\.db cannot be read/] })
})

t.test('a state directory that another process uses is not restored', async (t) => {
  const { directory, options } = stopped(t)
  const backup = join(directory, 'backup.db')
  await run('backup', ...options, backup)
  const store = openStore(directory, { now: Date.now(), site: 'lab' })
  t.teardown(() => store.close())
  t.match(await run('restore', ...options, backup), {
    code: 1,
    err: [/install\.db is in use: stop slipway first/],
  })
  t.notOk(readdirSync(directory).some((name) => name.includes('before-restore')))
})

t.test('the running slipway reports its problems, writes the backup, and accepts a loss', async (t) => {
  const { directory } = stopped(t)
  const backup = join(directory, 'backup.db')
  const problem = {
    code: 'state.lost',
    text: 'the state was lost: the database is not the one that slipway used',
  }
  const slipway = await fakeSlipway(t, {
    'GET /v1/state': { problems: [problem] },
    'POST /v1/state/accept': { problems: [] },
    [`POST /v1/state/backup?path=${encodeURIComponent(backup)}`]: () => {
      if (!existsSync(backup)) openStore(directory, { now: Date.now() }).backup(backup)
      return { path: backup }
    },
    [`POST /v1/state/backup?path=${encodeURIComponent('/x/y')}`]: new Refused(
      409,
      'cannot write /x/y: no such directory',
    ),
  })
  const running = ['--control', slipway.path]
  const checked = await run('check', ...running)
  t.match(checked, { code: 1, out: ['! the state was lost: the database is not the one that slipway used'] })
  t.match(checked.out.join(' '), /run "slipway state accept"/)
  t.match(JSON.parse((await run(...running, '--json')).out.join('')), { problems: [problem] })
  t.match(await run('backup', ...running, backup), { code: 0, out: [/backup\.db: 0 machines/] })
  t.match(await run('backup', ...running, '/x/y'), {
    code: 1,
    err: ['slipway: cannot write /x/y: no such directory'],
  })
  t.match(await run('accept', ...running), {
    code: 0,
    out: ['the state of the running slipway has no problems'],
  })
  t.match(await run('accept', '--control', '/nonexistent/socket'), { code: 1, err: [/cannot reach slipway/] })
})

t.test('invalid command lines are refused', async (t) => {
  const cases: [string[], string][] = [
    [['chek'], 'expected one of check, backup, restore, accept (did you mean check?)'],
    [['toString'], 'expected one of check, backup, restore, accept'],
    [['backup'], 'backup: expected a file'],
    [['restore'], 'restore: expected a file'],
    [['check', 'a', 'b'], 'too many arguments'],
    [['accept', 'a'], 'too many arguments'],
  ]
  for (const [args, message] of cases) {
    await t.rejects(state.run(args, keptTerminal()), new UsageError(message), args.join(' '))
  }
})
