import { chmodSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { initialState, type State } from '../../src/install/machine-state.ts'
import type { Observation } from '../../src/install/observation.ts'
import { openMemoryStore, openStore } from '../../src/install/open-store.ts'
import { keptOfAnyAge, maxAgeMs, maxPerKind } from '../../src/install/store.ts'
import { installPlan, m1Mac } from '../support/installs.ts'

const now = Date.UTC(2026, 0, 1)
const w1Mac = '00:00:5e:00:53:21'
const m1 = installPlan().get('ocp45/m1')!
const state: State = { ...initialState(m1), since: 7 }

type Facts = Observation extends infer Each
  ? Each extends Observation
    ? Omit<Each, 'sequence' | 'at'>
    : never
  : never

function kept(sequence: number, machine = m1Mac, at = now, facts: Partial<Facts> = {}) {
  const observation = {
    node: 'ocp45/m1',
    kind: 'command',
    command: 'local',
    ...facts,
    sequence,
    at,
  } as Observation
  return { machine, observation }
}
const seen = (...rows: readonly ReturnType<typeof kept>[]) => rows.map(({ observation }) => observation)

t.test('only the owner can read the database, even if it was created with another mode', (t) => {
  const directory = t.testdir()
  const modes = () =>
    ['install.db', 'install.db-wal'].map((name) => statSync(join(directory, name)).mode & 0o777)
  const umask = process.umask(0o022)
  t.teardown(() => process.umask(umask))
  const store = openStore(directory, { now })
  t.same(modes(), [0o600, 0o600])
  store.close()
  chmodSync(join(directory, 'install.db'), 0o644)
  const again = openStore(directory, { now })
  t.teardown(() => again.close())
  t.same(modes(), [0o600, 0o600])
  t.end()
})

t.test('only a decision waits for the disk', (t) => {
  const store = openStore(t.testdir(), { now })
  t.teardown(() => store.close())
  // eslint-disable-next-line @typescript-eslint/unbound-method -- tap calls it with the database
  const executed = t.capture(DatabaseSync.prototype, 'exec', DatabaseSync.prototype.exec)
  const statements = () => executed().map(({ args: [sql] }) => sql)
  store.keep(new Map(), [kept(1)], [], 'soon')
  store.keep(new Map([[m1Mac, state]]), [], [{ sequence: 1, count: 2, lastAt: now }], 'soon')
  const transaction = ['BEGIN IMMEDIATE', 'COMMIT']
  t.same(
    statements(),
    ['PRAGMA synchronous = NORMAL', ...transaction, ...transaction],
    'DNS and DHCP do not wait, and the mark does not count a change that may be lost',
  )
  store.keep(new Map([[m1Mac, state]]), [kept(2)])
  t.same(statements(), ['PRAGMA synchronous = FULL', ...transaction, 'PRAGMA wal_checkpoint(TRUNCATE)'])
  t.end()
})

t.test('records and observations outlive the process', (t) => {
  const dir = t.testdir()
  const first = openStore(dir, { now })
  const script = (sequence: number, machine: string) =>
    kept(sequence, machine, now + sequence, { kind: 'script', script: 'local' })
  const report = kept(3, m1Mac, now + 3, { kind: 'cluster', word: 'registered' })
  const decided = kept(5, w1Mac, now + 5, {
    kind: 'state',
    from: 'install',
    to: 'local',
    reason: '',
  })
  first.keep(new Map([[m1Mac, state]]), [script(1, m1Mac), script(2, w1Mac), report, kept(4), decided])
  first.keep(new Map(), [kept(6)], [{ sequence: 4, count: 9, lastAt: now + 60 }])
  first.close()
  const second = openStore(dir, { now })
  t.teardown(() => second.close())
  t.same([...second.states], [[m1Mac, state]])
  t.same(second.history(m1Mac), [
    ...seen(script(1, m1Mac), report),
    { ...kept(4).observation, count: 9, lastAt: now + 60 },
    ...seen(kept(6)),
  ])
  t.equal(second.lastSequence, 6)
  t.same(
    [...second.lastSeen].sort(),
    [
      [m1Mac, now + 1],
      [w1Mac, now + 2],
    ],
    'reports, commands, and decisions are not signs of a machine',
  )
  t.same([second.problems, second.incomplete, second.isRecordable], [[], undefined, true])
  second.keep(new Map([[m1Mac, undefined]]), [])
  t.same(second.history(m1Mac), [], 'a machine that is forgotten leaves nothing')
  t.end()
})

t.test('observations are read in pages, of one machine or all', (t) => {
  const store = openMemoryStore()
  const rows = Array.from({ length: 10 }, (_, index) => kept(index + 1, index % 2 === 0 ? m1Mac : w1Mac))
  store.keep(new Map(), rows)
  t.same(store.after(0, 3), seen(...rows.slice(0, 3)))
  t.same(store.after(8, 100), seen(...rows.slice(8)))
  t.same(
    store.after(2, 2, w1Mac).map(({ sequence }) => sequence),
    [4, 6],
  )
  t.end()
})

t.test('a transaction is written completely or not at all', (t) => {
  const store = openMemoryStore()
  store.keep(new Map(), [kept(1)])
  t.throws(() => store.keep(new Map([[m1Mac, state]]), [kept(2), kept(1)]), { message: /UNIQUE constraint/ })
  t.same(store.history(m1Mac), seen(kept(1)))
  store.keep(new Map(), [kept(2)])
  t.same(store.history(m1Mac), seen(kept(1), kept(2)))
  t.end()
})

t.test('history is bounded for each machine and kind when it is written', (t) => {
  const store = openMemoryStore()
  const dhcp: Partial<Facts> = { kind: 'dhcp', asker: 'ipxe' }
  store.keep(new Map(), [kept(1)])
  for (let page = 0; page < 10; page++) {
    store.keep(
      new Map(),
      Array.from({ length: 1000 }, (_, index) => kept(2 + page * 1000 + index, m1Mac, now, dhcp)),
    )
  }
  t.equal(store.history(m1Mac).length, maxPerKind.dhcp + 1)
  t.same(store.history(m1Mac)[0], kept(1).observation, 'a flood of one kind leaves the others')
  t.equal(store.history(m1Mac).at(-1)!.sequence, 10_001)
  t.end()
})

t.test('the bound of the history holds after failed writes and deletions', (t) => {
  const store = openMemoryStore()
  const max = maxPerKind.dhcp
  const dhcp: Partial<Facts> = { kind: 'dhcp', asker: 'ipxe' }
  let sequence = 0
  const add = (count: number) =>
    store.keep(
      new Map(),
      Array.from({ length: count }, () => kept(++sequence, m1Mac, now, dhcp)),
    )
  const extent = () => {
    const rows = store.history(m1Mac)
    return [rows[0]!.sequence, rows.at(-1)!.sequence, rows.length]
  }
  add(max - 1)
  t.throws(() => store.keep(new Map(), [kept(9001, m1Mac, now, dhcp), kept(1, m1Mac, now, dhcp)]))
  add(1)
  t.same(extent(), [1, max, max], 'rows of a failed write are not counted')
  add(2)
  t.same(extent(), [3, max + 2, max])
  store.keep(new Map([[m1Mac, undefined]]), [])
  add(max - 1)
  add(1)
  t.same(extent(), [max + 3, 2 * max + 2, max], 'rows of a forgotten machine are not counted')
  store.forgetProgress(m1Mac)
  store.prune(now)
  add(3)
  t.same(extent(), [max + 6, 2 * max + 5, max])
  t.end()
})

t.test('old observations are deleted, but a wrong clock does not delete the history of a machine', (t) => {
  const store = openMemoryStore()
  const many = Array.from({ length: keptOfAnyAge + 5 }, (_, index) => kept(index + 1))
  store.keep(new Map(), [
    ...many.map((row, index) => ({
      ...row,
      observation: { ...row.observation, kind: index % 2 ? 'state' : 'command' } as Observation,
    })),
    kept(9002, w1Mac),
  ])
  store.prune(now + maxAgeMs)
  t.equal(store.history(m1Mac).length, keptOfAnyAge + 5)
  store.prune(now + 400 * maxAgeMs)
  t.equal(store.history(m1Mac).length, keptOfAnyAge)
  t.equal(store.history(w1Mac).length, 1)
  t.end()
})

t.test('progress reports are deleted when an attempt resumes', (t) => {
  const store = openMemoryStore()
  const file = { kind: 'file', what: 'rootfs', file: 'r', octets: 1, total: 2, durationMs: 3 } as const
  store.keep(new Map(), [
    kept(1, m1Mac, now, { ...file, outcome: 'begun' }),
    kept(2, m1Mac, now, { ...file, outcome: 'under-way' }),
  ])
  store.forgetProgress(m1Mac)
  t.match(store.history(m1Mac), [{ outcome: 'begun' }])
  t.equal(store.history(m1Mac).length, 1)
  t.end()
})

t.test('a second process on the same state directory is refused', (t) => {
  const dir = t.testdir()
  const store = openStore(dir, { now })
  t.teardown(() => store.close())
  t.throws(() => openStore(dir, { now }), {
    name: 'StateInUse',
    message: `${dir}/install.db is in use: another slipway uses this state directory; stop it, or set another directory with --state`,
  })
  t.end()
})
