/** State that is lost, damaged, old, foreign, or unusable: slipway starts, reports it, and installs nothing without an administrator. */
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { openStore } from '../../src/install/open-store.ts'
import { installsWorld, m1Mac } from '../support/installs.ts'
import { now, key, plain, w1, installed, armed, used, edit, installsNothing } from '../support/used-state.ts'

const losses: readonly {
  name: string
  damage: (dir: string) => void
  code: string
  text: RegExp
  /** The record of m1 is recovered. */
  isRecovered?: boolean
  isAside?: boolean
}[] = [
  {
    name: 'the database and its log are missing',
    damage: (dir) =>
      ['', '-wal', '-shm'].forEach((end) => rmSync(join(dir, `install.db${end}`), { force: true })),
    code: 'state.lost',
    text: /^the state was lost: the database is not the one that slipway used before$/,
  },
  {
    name: 'the database is empty',
    damage: (dir) => truncateSync(join(dir, 'install.db'), 0),
    code: 'state.lost',
    text: /^the state was lost/,
  },
  {
    name: 'the mark is damaged',
    damage: (dir) => writeFileSync(join(dir, 'install.mark'), '{'),
    code: 'state.lost',
    text: /^the state was lost/,
    isRecovered: true,
  },
  {
    name: 'no database',
    damage: (dir) => writeFileSync(join(dir, 'install.db'), 'x'.repeat(10_000)),
    code: 'state.damaged',
    text: /was damaged \(file is not a database\) and was moved to .*install\.db\.damaged-2026-01-01T00-00-00\.000Z; 0 records/,
    isAside: true,
  },
  {
    name: 'cut off',
    damage: (dir) => truncateSync(join(dir, 'install.db'), 5000),
    code: 'state.damaged',
    text: /was damaged \(/,
    isAside: true,
  },
  {
    name: 'values that its tables do not allow',
    damage: (dir) =>
      edit(
        join(dir, 'install.db'),
        `PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'state TEXT', 'state INTEGER') WHERE name = 'machines'`,
      ),
    code: 'state.damaged',
    text: /was damaged \(non-INTEGER value in machines\.state\).*; 2 records were recovered/,
    isRecovered: true,
    isAside: true,
  },
  {
    name: 'a newer schema',
    damage: (dir) => edit(join(dir, 'install.db'), 'PRAGMA user_version = 3'),
    code: 'state.unusable',
    text: /cannot be used: the state has schema 3 of a newer slipway, this version reads up to schema 2; it is unchanged$/,
    isRecovered: true,
  },
  {
    name: 'tables of another program',
    damage: (dir) => edit(join(dir, 'install.db'), 'PRAGMA user_version = 0'),
    code: 'state.unusable',
    text: /the database has tables that slipway did not create/,
    isRecovered: true,
  },
  {
    name: 'tables that cannot be migrated',
    damage: (dir) => edit(join(dir, 'install.db'), 'PRAGMA user_version = 1'),
    code: 'state.unusable',
    text: /cannot be used: no such table: nodes; it is unchanged$/,
    isRecovered: true,
  },
  {
    name: 'a directory in place of the database',
    damage: (dir) => {
      rmSync(join(dir, 'install.db'))
      mkdirSync(join(dir, 'install.db'))
    },
    code: 'state.unusable',
    text: /install\.db cannot be used: unable to open database file/,
  },
]

for (const { name, damage, code, text, isRecovered = false, isAside = false } of losses) {
  t.test(`nothing is installed without an administrator: ${name}`, async (t) => {
    const dir = used(t)
    damage(dir)
    const store = openStore(dir, { now, site: 'lab' })
    t.match(store.problems, [{ code, text }])
    t.equal(store.states.has(m1Mac), isRecovered)
    t.equal(readdirSync(dir).includes('install.db.damaged-2026-01-01T00-00-00.000Z'), isAside)
    await installsNothing(t, store)
  })
}

t.test('a loss is known after every restart, until an administrator accepts it', (t) => {
  const dir = used(t)
  rmSync(join(dir, 'install.db'))
  for (let start = 0; start < 3; start++) {
    const store = openStore(dir, { now, site: 'lab' })
    t.match(store.incomplete, /^the state was lost/)
    store.keep(new Map([[`00:00:5e:00:53:0${start}`, armed]]), [])
    if (start === 2) store.acceptLoss()
    store.close()
  }
  const store = openStore(dir, { now, site: 'lab' })
  t.equal(store.incomplete, undefined)
  store.close()
  t.end()
})

t.test('a copy of the database that is older than the mark is evidence, and allows nothing', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'install.db')
  const first = openStore(dir, { now, site: 'lab' })
  first.keep(new Map([[w1.mac, armed]]), [])
  const copy = join(dir, 'copy.db')
  copyFileSync(path, copy)
  t.match(
    new DatabaseSync(copy, { readOnly: true }).prepare('SELECT node FROM machines').all(),
    [{ node: 'ocp45/w1' }],
    'a copy of the file alone is complete',
  )
  first.keep(new Map([[m1Mac, installed]]), [])
  first.close()
  copyFileSync(copy, path)
  for (const end of ['-wal', '-shm']) rmSync(path + end, { force: true })
  const store = openStore(dir, { now, site: 'lab' })
  t.match(store.problems, [{ code: 'state.stale', text: /^the state is older than the last one/ }])
  t.match(store.states.get(w1.mac), { mode: 'local', code: 'state.not-vouched' })
  await installsNothing(t, store)
  const again = openStore(dir, { now, site: 'lab' })
  t.match(again.states.get(w1.mac), { mode: 'local', code: 'state.not-vouched' }, 'also after a restart')
  again.close()
})

t.test('a commit is on the disk with its mark before the database file alone has it', async (t) => {
  const dir = t.testdir({ marks: {} })
  const options = { now, site: 'lab', markDirectory: join(dir, 'marks') }
  const first = openStore(dir, options)
  first.keep(new Map([[w1.mac, armed]]), [])
  await first.commit(new Map([[m1Mac, installed]]), [], []).onDisk
  const marks = ['install.mark', 'marks/install.mark'].map((name) => readFileSync(join(dir, name), 'utf8'))
  t.match(marks, [/"changes":2\}/, /"changes":2\}/])
  const early = t.testdirName + '-early'
  const whole = t.testdirName + '-whole'
  const late = t.testdirName + '-late'
  t.teardown(() => [early, whole, late].forEach((each) => rmSync(each, { recursive: true })))
  for (const [copy, names] of [
    [early, ['install.db', 'install.mark']],
    [whole, ['install.db', 'install.db-wal', 'install.mark']],
  ] as const) {
    mkdirSync(copy)
    for (const name of names) copyFileSync(join(dir, name), join(copy, name))
  }
  first.checkpoint()
  mkdirSync(late)
  for (const name of ['install.db', 'install.mark']) copyFileSync(join(dir, name), join(late, name))
  await first.commit(new Map(), [], []).onDisk
  first.close()
  const stale = openStore(early, { now, site: 'lab' })
  t.match(stale.problems, [{ code: 'state.stale' }], 'a copy without the log permits no installation')
  stale.close()
  for (const [copy, name] of [
    [whole, 'with the log'],
    [late, 'after a checkpoint'],
    [dir, 'after the end'],
  ] as const) {
    const store = openStore(copy, { now, site: 'lab' })
    t.same([store.problems, store.states.get(m1Mac)], [[], installed], name)
    store.close()
  }
})

t.test('a stale state allows nothing, although the disk is too full to record that', async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'install.db')
  const first = openStore(dir, { now, site: 'lab' })
  first.keep(new Map([[w1.mac, armed]]), [])
  const copy = join(dir, 'copy.db')
  copyFileSync(path, copy)
  first.keep(new Map([[m1Mac, installed]]), [])
  first.close()
  copyFileSync(copy, path)
  for (const end of ['-wal', '-shm']) rmSync(path + end, { force: true })
  const full = `BEFORE INSERT ON machines BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`
  edit(path, `CREATE TRIGGER full ${full}`)
  const store = openStore(dir, { now, site: 'lab' })
  t.match(store.problems, [{ code: 'state.stale' }])
  t.match(store.states.get(w1.mac), { mode: 'local', code: 'state.not-vouched' })
  store.close()
  edit(path, 'DROP TRIGGER full')
  const again = openStore(dir, { now, site: 'lab' })
  t.match(again.problems, [{ code: 'state.stale' }], 'the next start finds the same loss')
  t.match(again.states.get(w1.mac), { mode: 'local', code: 'state.not-vouched' })
  await installsNothing(t, again)
})

t.test('a second mark that cannot be written does not stop the service', (t) => {
  const dir = t.testdir()
  const markDirectory = join(dir, 'unmounted')
  const store = openStore(join(dir, 'state'), { now, site: 'lab', markDirectory })
  store.keep(new Map([[m1Mac, installed]]), [])
  t.same([store.problems, store.isRecordable], [[], true])
  store.close()
  const again = openStore(join(dir, 'state'), { now, site: 'lab', markDirectory })
  t.same([again.problems, again.states.get(m1Mac)], [[], installed])
  again.close()
  t.end()
})

t.test('a second mark outside of the state directory shows that the directory was lost', async (t) => {
  const markDirectory = join(t.testdir({ marks: {} }), 'marks')
  const dir = join(markDirectory, '..', 'state')
  const first = openStore(dir, { now, site: 'lab', markDirectory })
  first.keep(new Map([[m1Mac, installed]]), [])
  first.close()
  rmSync(dir, { recursive: true })
  const store = openStore(dir, { now, site: 'lab', markDirectory })
  t.match(store.problems, [{ code: 'state.lost' }])
  await installsNothing(t, store)
})

t.test('the state of another site does not vouch for machines without a record', async (t) => {
  const dir = used(t, { site: 'other' })
  const store = openStore(dir, { now, site: 'lab' })
  t.match(store.problems, [{ code: 'state.other-site', text: 'the state belongs to site other, not to lab' }])
  const { installs } = installsWorld({ store })
  t.match(await installs.boot('ocp45/bs', plain), { kind: 'local' })
  t.match(await installs.boot(key, plain), { kind: 'local' })
  installs.close()
})

t.test('the first start and later ones install the nodes with boot: install in the site file', (t) => {
  const dir = join(t.testdir(), 'new')
  for (let start = 0; start < 2; start++) {
    const store = openStore(dir, { now, site: 'lab' })
    t.same([store.problems, store.incomplete], [[], undefined])
    const { installs } = installsWorld({ store })
    t.match(installs.list()[3], { mode: 'install' })
    installs.close()
  }
  t.end()
})
