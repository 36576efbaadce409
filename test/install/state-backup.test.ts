/** Backup, check, and restore of the state, and what a restored state allows. */
import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { initialState, type State } from '../../src/install/machine-state.ts'
import { openStore } from '../../src/install/open-store.ts'
import { backupState, checkState, restoreState } from '../../src/install/state-backup.ts'
import { installPlan, installsWorld, m1Mac } from '../support/installs.ts'

const now = Date.UTC(2026, 0, 1)
const m1 = installPlan().get('ocp45/m1')!
const armed: State = { ...initialState(m1), since: 7 }
const options = { now, site: 'lab' }

function used(t: Test) {
  const folder = t.testdir({ state: {} })
  const dir = join(folder, 'state')
  const store = openStore(dir, options)
  store.keep(new Map([[m1Mac, armed]]), [
    {
      machine: m1Mac,
      observation: { node: 'ocp45/m1', kind: 'command', command: 'local', sequence: 1, at: now },
    },
  ])
  return { folder, dir, store, target: join(folder, 'backup.db') }
}

t.test('a backup of a running slipway is one complete file', (t) => {
  const { dir, store, target } = used(t)
  store.backup(target)
  t.match(checkState(target), {
    schema: 2,
    site: 'lab',
    machines: 1,
    unreadable: [],
    observations: 1,
    lastAt: now,
  })
  t.throws(() => store.backup(target), { name: 'StateProblemError', message: /exists: choose another file/ })
  t.throws(() => store.backup(join(dir, 'none/backup.db')), { message: /^cannot write / })
  t.throws(() => backupState(dir, `${target}.2`), { name: 'StateInUse', message: /stop slipway first/ })
  t.throws(() => restoreState(target, dir, now), { name: 'StateInUse' })
  store.close()
  t.match(backupState(dir, `${target}.2`), { machines: 1 })
  t.notOk(existsSync(`${target}.2.partial`))
  t.end()
})

t.test('a backup contains what is not written yet', (t) => {
  const { dir, store: earlier, target } = used(t)
  earlier.close()
  const store = openStore(dir, options)
  const { installs } = installsWorld({ store })
  installs.observe({ node: 'ocp45/m1', kind: 'script', script: 'local' })
  t.equal(store.history(m1Mac).length, 1, 'the observation waits for its batch')
  installs.backup(target)
  t.match(checkState(target), { observations: 2 })
  installs.close()
  t.end()
})

t.test(
  'a restored state is evidence, and installs nothing without an administrator, also after a restart',
  async (t) => {
    for (const hasMark of [true, false]) {
      const { folder, dir, store, target } = used(t)
      store.backup(target)
      store.close()
      const home = hasMark ? dir : join(folder, 'another')
      if (!hasMark) openStore(home, options).close()
      t.match(restoreState(target, home, now), /\.before-restore-2026-01-01T00-00-00\.000Z$/)
      t.ok(readdirSync(home).some((name) => name.includes('before-restore')))
      for (let start = 0; start < 3; start++) {
        const restored = openStore(home, options)
        t.match(
          restored.incomplete,
          /^the state was restored from .*: machines may have been installed since$|^the state was lost/,
        )
        const { installs } = installsWorld({ store: restored })
        t.match(await installs.boot('ocp45/m1', { isSkipping: false }), { kind: 'local' })
        t.match(await installs.boot('ocp45/bs', { isSkipping: false }), { kind: 'local' })
        if (start === 2) {
          installs.acceptLoss()
          t.same(installs.problems(), [])
        }
        installs.close()
      }
      const accepted = openStore(home, options)
      t.equal(accepted.incomplete, undefined)
      t.match(
        accepted.states.get(m1Mac),
        { mode: 'local', code: 'state.not-vouched' },
        'a known machine stays as it is',
      )
      accepted.close()
    }
  },
)

t.test('a file that is not a usable state is refused', (t) => {
  const { folder, dir, store, target } = used(t)
  store.backup(target)
  store.close()
  const broken = join(folder, 'broken.db')
  writeFileSync(broken, 'x'.repeat(5000))
  t.throws(() => checkState(broken), {
    name: 'StateProblemError',
    message: /cannot be read: file is not a database; use another backup$/,
  })
  t.throws(() => checkState(join(folder, 'none.db')), { message: /does not exist: check the path$/ })
  t.throws(() => restoreState(broken, dir, now), { name: 'StateProblemError' })
  const newer = join(folder, 'newer.db')
  copyFileSync(target, newer)
  const database = new DatabaseSync(newer)
  database.exec('PRAGMA user_version = 9')
  database.close()
  t.throws(() => checkState(newer), { message: /has schema 9, expected 2$/ })
  t.end()
})
