import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { begin } from '../../src/install/machine.ts'
import type { Observation } from '../../src/install/observation.ts'
import { mostObservations, oldestMs, openMemoryStore, openStore } from '../../src/install/store.ts'
import { installPlan } from '../support/installs.ts'

const now = Date.UTC(2026, 0, 1)
const m1 = installPlan().get('ocp45/m1')!
const state = { ...begin(m1), since: 7 }

function seen(sequence: number, node = 'ocp45/m1', at = now): Observation {
  return { node, kind: 'command', command: 'local', sequence, at }
}

t.test('what was kept is there after the process ended', (t) => {
  const dir = join(t.testdir(), 'state')
  const first = openStore(dir, now)
  const script = (sequence: number, node: string): Observation => ({
    ...{ node, kind: 'script', script: 'local', sequence, at: now + sequence },
  })
  const said = (sequence: number): Observation => ({
    ...{ node: 'ocp45/m1', kind: 'cluster', word: 'registered', sequence, at: now + sequence },
  })
  const decided: Observation = {
    ...{
      node: 'ocp45/w1',
      kind: 'state',
      from: 'install',
      to: 'local',
      reason: '',
      sequence: 5,
      at: now + 5,
    },
  }
  first.keep(new Map([['ocp45/m1', state]]), [
    ...[script(1, 'ocp45/m1'), script(2, 'ocp45/w1'), said(3), seen(4), decided],
    seen(6, 'ocp45/w2'),
  ])
  first.close()
  const second = openStore(dir, now)
  t.teardown(() => second.close())
  t.same([...second.states], [['ocp45/m1', state]])
  t.same(second.history('ocp45/m1'), [script(1, 'ocp45/m1'), said(3), seen(4)])
  t.equal(second.lastSequence, 6)
  t.same(
    [...second.lastSeen].sort(),
    [
      ['ocp45/m1', now + 1],
      ['ocp45/w1', now + 2],
    ],
    'words about a node, commands and decisions are no sight of it',
  )
  t.equal(second.loss, undefined)
  second.keep(new Map([['ocp45/m1', undefined]]), [])
  t.same(second.history('ocp45/m1'), [], 'a node that is forgotten leaves nothing')
  t.end()
})

t.test('a transaction is kept whole or not at all', (t) => {
  const store = openMemoryStore()
  store.keep(new Map(), [seen(1)])
  t.throws(() => store.keep(new Map([['ocp45/m1', state]]), [seen(2), seen(1)]), {
    message: /UNIQUE constraint/,
  })
  t.same(store.history('ocp45/m1'), [seen(1)])
  store.keep(new Map(), [seen(2)])
  t.same(store.history('ocp45/m1'), [seen(1), seen(2)])
  t.end()
})

t.test('history is bounded by number and age; the progress of downloads goes with their attempt', (t) => {
  const store = openMemoryStore()
  const many = Array.from({ length: mostObservations + 5 }, (_, index) => seen(index + 1))
  store.keep(new Map(), [...many, seen(9001, 'ocp45/w1', now - oldestMs - 1), seen(9002, 'ocp45/w1')])
  store.prune(now)
  t.equal(store.history('ocp45/m1').length, mostObservations)
  t.equal(store.history('ocp45/m1')[0]!.sequence, 6)
  t.same(store.history('ocp45/w1'), [seen(9002, 'ocp45/w1')])
  const file = {
    node: 'ocp45/i1',
    kind: 'file',
    what: 'rootfs',
    file: 'r',
    octets: 1,
    total: 2,
    durationMs: 3,
  } as const
  store.keep(new Map(), [
    { ...file, outcome: 'begun', sequence: 9003, at: now },
    { ...file, outcome: 'under-way', sequence: 9004, at: now },
  ])
  store.forgetProgress('ocp45/i1')
  t.match(store.history('ocp45/i1'), [{ outcome: 'begun' }])
  t.equal(store.history('ocp45/i1').length, 1)
  t.end()
})

t.test('two processes on one state directory: the second is refused', (t) => {
  const dir = t.testdir()
  const store = openStore(dir, now)
  t.teardown(() => store.close())
  t.throws(() => openStore(dir, now), {
    name: 'CannotKeep',
    message: `${dir}/install.db is in use: another slipway serves with this state directory; stop it, or give one of them its own with --state`,
  })
  t.end()
})

const damages: readonly { name: string; damage: (path: string) => void; loss: RegExp }[] = [
  {
    name: 'no database',
    damage: (path) => writeFileSync(path, 'x'.repeat(10_000)),
    loss: /was damaged \(file is not a database\) and is now .*install\.db\.damaged-2026-01-01T00-00-00\.000Z$/,
  },
  {
    name: 'cut short',
    damage: (path) => truncateSync(path, 5000),
    loss: /was damaged \(.*malformed.*\)|was damaged \(/,
  },
  {
    name: 'values that its tables do not take',
    damage: (path) =>
      edit(
        path,
        `PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'state TEXT', 'state INTEGER') WHERE name = 'nodes'`,
      ),
    loss: /was damaged \(non-INTEGER value in nodes\.state\)/,
  },
  {
    name: 'a state that is no state',
    damage: (path) => edit(path, `UPDATE nodes SET state = '{"mode":'`),
    loss: /was damaged \(the state of ocp45\/m1 is unreadable\)/,
  },
  {
    name: 'a state that lacks what it needs',
    damage: (path) => edit(path, `UPDATE nodes SET state = '{}'`),
    loss: /was damaged \(the state of ocp45\/m1 is unreadable\)/,
  },
]

function edit(path: string, sql: string): void {
  const database = new DatabaseSync(path, { defensive: false })
  database.exec(sql)
  database.close()
}

for (const { name, damage, loss } of damages) {
  t.test(`a damaged database is set aside and a new one begun: ${name}`, (t) => {
    const dir = t.testdir()
    const first = openStore(dir, now)
    first.keep(new Map([['ocp45/m1', state]]), [seen(1)])
    first.close()
    damage(join(dir, 'install.db'))
    const second = openStore(dir, now)
    t.match(second.loss, loss)
    t.equal(second.states.size, 0)
    t.ok(readdirSync(dir).includes('install.db.damaged-2026-01-01T00-00-00.000Z'))
    second.close()
    const third = openStore(dir, now)
    t.match(third.loss, /was set aside because it was damaged$/, 'as long as nothing was kept since')
    third.keep(new Map([['ocp45/m1', state]]), [])
    third.close()
    const fourth = openStore(dir, now)
    t.equal(fourth.loss, undefined)
    fourth.close()
    t.end()
  })
}

t.test('what no new database would mend is said in a sentence', (t) => {
  const dir = t.testdir({ file: '', later: {}, closed: {}, folder: { 'install.db': {} } })
  t.throws(() => openStore(join(dir, 'file'), now), {
    name: 'CannotKeep',
    message: /^cannot make the state directory .*file: EEXIST/,
  })
  t.throws(() => openStore(join(dir, 'folder'), now), {
    name: 'CannotKeep',
    message: /^cannot open .*install\.db: /,
  })
  openStore(join(dir, 'later'), now).close()
  edit(join(dir, 'later/install.db'), 'PRAGMA user_version = 2')
  t.throws(() => openStore(join(dir, 'later'), now), {
    name: 'CannotKeep',
    message: 'the state is of a later slipway (schema 2, this one reads 1): run that one',
  })
  t.end()
})

t.test('a damaged database that cannot be set aside is left alone', (t) => {
  const damaged = 'x'.repeat(10_000)
  const dir = t.testdir({ 'install.db': damaged, 'install.db.damaged-2026-01-01T00-00-00.000Z': {} })
  t.throws(() => openStore(dir, now), {
    name: 'CannotKeep',
    message: /install\.db is damaged and cannot be set aside: EISDIR/,
  })
  t.equal(readFileSync(join(dir, 'install.db'), 'utf8'), damaged)
  t.end()
})
