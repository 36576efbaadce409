/** Damaged records, state that cannot be written, and the migration of older state. */
import { chmodSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openStore } from '../../src/install/open-store.ts'
import { installsWorld, m1Mac } from '../support/installs.ts'
import { now, key, plain, used, edit, installsNothing } from '../support/used-state.ts'

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
    node: 'ocp45/m1',
    mode: 'installed',
    wasInstalled: true,
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
