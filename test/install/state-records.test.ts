/** Damaged records, state that cannot be written, and the migration of older state. */
import { chmodSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { initialState, type State } from '../../src/install/machine-state.ts'
import type { Observation } from '../../src/install/observation.ts'
import { openStore } from '../../src/install/open-store.ts'
import type { Store } from '../../src/install/store.ts'
import { installPlan, installsWorld, m1Mac } from '../support/installs.ts'

const now = Date.UTC(2026, 0, 1)
const key = 'ocp45/m1'
const plain = { isSkipping: false }
const m1 = installPlan().get(key)!
const w1 = installPlan().get('ocp45/w1')!
const installed: State = {
  ...initialState(m1),
  mode: 'installed',
  since: 7,
  reason: 'written',
  wasInstalled: true,
}
const armed: State = { ...initialState(w1), since: 8 }

/** A state directory that was used: m1 is installed, w1 is armed by the site file. */
function used(
  t: Test,
  { site = 'lab', markDirectory }: { site?: string; markDirectory?: string } = {},
): string {
  const dir = t.testdir()
  const store = openStore(dir, { now, site, ...(markDirectory !== undefined && { markDirectory }) })
  const observation: Observation = { node: key, kind: 'command', command: 'local', sequence: 1, at: now }
  store.keep(new Map([[m1Mac, installed]]), [{ machine: m1Mac, observation }])
  store.keep(new Map([[w1.mac, armed]]), [])
  store.close()
  return dir
}

function edit(path: string, sql: string): void {
  const database = new DatabaseSync(path, { defensive: false })
  database.exec(sql)
  database.close()
}

/** No machine is installed, and a command of an administrator installs one. */
async function installsNothing(t: Test, store: Store): Promise<void> {
  const { installs, lines } = installsWorld({ store })
  t.match(lines[0], { level: 'error', code: /^state\./ })
  for (const { node } of installs.list()) {
    const answer = await installs.boot(node, plain)
    t.ok(answer.kind === 'local' || answer.kind === 'wait', `${node}: ${answer.kind}`)
  }
  t.not(installs.problems().length, 0)
  if (store.isRecordable) {
    t.match(installs.command(key, 'install'), { kind: 'done' })
    t.match(await installs.boot(key, plain), { kind: 'install' })
  } else {
    t.match(installs.command(key, 'install'), { kind: 'refused', code: 'state.not-writable' })
    t.match(await installs.boot(key, plain), { kind: 'local' })
  }
  installs.close()
}

t.test('one damaged record affects only its machine', async (t) => {
  for (const [text, code] of [
    [`'{"mode":'`, 'state.not-vouched'],
    [`'{}'`, 'state.not-vouched'],
    [`replace(state, '"mode":"installed"', '"mode":"rescuing"')`, 'state.unknown-mode'],
  ]) {
    const dir = used(t)
    edit(join(dir, 'install.db'), `UPDATE machines SET state = ${text} WHERE machine = '${m1Mac}'`)
    const store = openStore(dir, { now, site: 'lab' })
    const { installs } = installsWorld({ store })
    t.match(installs.list()[1], { node: key, mode: 'local', code })
    t.match(await installs.boot(key, plain), { kind: 'local' })
    t.match(await installs.boot('ocp45/w1', plain), { kind: 'install' })
    installs.close()
  }
})

t.test('a damaged observation is skipped', (t) => {
  const dir = used(t)
  edit(join(dir, 'install.db'), 'UPDATE observations SET seen = substr(seen, 1, 9)')
  const store = openStore(dir, { now, site: 'lab' })
  t.same(store.problems, [])
  t.same([store.history(m1Mac), store.after(0, 9)], [[], []])
  store.forgetProgress(m1Mac)
  store.close()
  t.end()
})

t.test('a directory that cannot be created leaves the services running', async (t) => {
  const dir = t.testdir({ file: '' })
  const store = openStore(join(dir, 'file'), { now })
  t.match(store.problems, [
    { code: 'state.unusable', text: /^cannot create the state directory .*file: EEXIST/ },
  ])
  await installsNothing(t, store)
})

t.test('damaged state that cannot be set aside is unchanged', async (t) => {
  const damaged = 'x'.repeat(10_000)
  const dir = t.testdir({ 'install.db': damaged, 'install.db.damaged-2026-01-01T00-00-00.000Z': {} })
  const store = openStore(dir, { now })
  t.match(store.problems, [
    { code: 'state.unusable', text: /is damaged \(file is not a database\) and cannot be set aside$/ },
  ])
  t.equal(readFileSync(join(dir, 'install.db'), 'utf8'), damaged)
  await installsNothing(t, store)
})

t.test('damaged state that cannot be replaced was set aside and is unchanged', async (t) => {
  const damaged = 'x'.repeat(10_000)
  const dir = t.testdir({ 'install.db': damaged })
  // SQLite creates no log where a link is.
  symlinkSync(join(dir, 'no such file'), join(dir, 'install.db-wal'))
  const store = openStore(dir, { now })
  t.match(store.problems, [
    { code: 'state.unusable', text: /^cannot create .*install\.db: unable to open database file$/ },
  ])
  t.equal(readFileSync(join(dir, 'install.db.damaged-2026-01-01T00-00-00.000Z'), 'utf8'), damaged)
  await installsNothing(t, store)
})

t.test(
  'a read-only state directory keeps its records, and nothing is installed',
  { skip: process.getuid?.() === 0 && 'root writes everywhere' },
  async (t) => {
    const dir = used(t)
    for (const name of readdirSync(dir)) chmodSync(join(dir, name), 0o444)
    chmodSync(dir, 0o555)
    t.teardown(() => chmodSync(dir, 0o755))
    const store = openStore(dir, { now, site: 'lab' })
    t.match(store.problems, [{ code: 'state.unusable' }])
    await installsNothing(t, store)
  },
)

t.test('the state of schema 1 is migrated: its records belong to machines', async (t) => {
  const dir = t.testdir()
  const sql = readFileSync(new URL('../fixtures/state/schema-1.sql', import.meta.url), 'utf8')
  edit(join(dir, 'install.db'), sql)
  const store = openStore(dir, { now, site: 'lab' })
  t.same([store.problems, store.incomplete], [[], undefined])
  t.match(store.states.get(m1Mac), {
    ...{ node: 'ocp45/m1', mode: 'installed', wasInstalled: true },
    attempt: { startedBy: 'site', delivered: { at: 1767225100000, epoch: 'schema 1' } },
  })
  t.match(
    store.states.get('00:00:5e:00:53:12'),
    { node: 'ocp45/m9', mode: 'installed', wasInstalled: true },
    'the renamed machine was installed',
  )
  t.match(store.states.get('00:00:5e:00:53:21'), { mode: 'install', armed: { at: 1767225600000 } })
  t.match(store.states.get('00:00:5e:00:53:22'), {
    attempt: { startedBy: 'menu', probed: { at: 1767225800000 } },
  })
  t.same(
    store.history(m1Mac).map(({ sequence }) => sequence),
    [1],
    'without the damaged observation',
  )
  t.same(
    store.history('00:00:5e:00:53:12').map(({ sequence, node }) => [sequence, node]),
    [
      [2, 'ocp45/m2'],
      [4, 'ocp45/m9'],
    ],
  )
  const { installs } = installsWorld({ store })
  t.match(await installs.boot(key, plain), { kind: 'local' })
  installs.close()
  const second = openStore(dir, { now, site: 'lab' })
  t.equal(second.states.size >= 4, true)
  second.close()
})
