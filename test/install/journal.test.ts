/** Repeated observations are one row with a count, and a flood does not displace the rest of the history. */
import t from 'tap'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import { createJournal } from '../../src/install/journal.ts'
import { initialState } from '../../src/install/machine-state.ts'
import { openMemoryStore } from '../../src/install/open-store.ts'
import type { Store, Sync } from '../../src/install/store.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { acknowledged, ignitionSent, installPlan, installsWorld, m1Mac } from '../support/installs.ts'
import { storeWithKeep } from '../support/store-with-keep.ts'

const key = 'ocp45/m1'

t.test('a client that polls adds one row a minute', (t) => {
  const { installs, clock } = installsWorld()
  const waits = { node: key, kind: 'script', script: 'wait', reason: 'waits until …' } as const
  const guesses = { ...ignitionSent(key), outcome: 'refused', reason: 'no' } as const
  for (let second = 0; second < 60; second += 5) {
    installs.observe(waits)
    installs.observe(guesses)
    clock.advance(5000)
  }
  t.match(installs.history(key), [
    { kind: 'script', count: 12 },
    { kind: 'ignition', count: 12 },
  ])
  t.equal(installs.history(key).length, 2)
  installs.observe(waits)
  installs.observe({ node: key, kind: 'script', script: 'install', role: 'master' })
  installs.observe(waits)
  t.equal(installs.history(key).length, 5)
  t.end()
})

t.test('observations are synced in the background; decisions and failed writes at once', async (t) => {
  const memory = openMemoryStore()
  const syncs: (Sync | undefined)[] = []
  let isFull = false
  const store = storeWithKeep(memory, (states, observations, repeats, sync) => {
    if (isFull) throw new Error('database or disk is full')
    syncs.push(sync)
    memory.keep(states, observations, repeats, sync)
  })
  const { installs, clock } = installsWorld({ store })
  t.same(syncs.splice(0), ['now'], 'the records of the site file')
  installs.observe(acknowledged(key, 'ipxe'))
  clock.advance(250)
  t.same(syncs.splice(0), ['soon'], 'a DHCP exchange, which also changes the record')
  await installs.command(key, 'local')
  t.same(syncs.splice(0), ['now'])
  isFull = true
  installs.observe({ node: key, kind: 'cluster', word: 'registered' })
  isFull = false
  clock.advance(5000)
  t.same(syncs.splice(0), ['now'], 'evidence that could not be written is not written with less care')
  installs.observe(acknowledged(key, 'ipxe'))
  clock.advance(1000)
  t.same(syncs, ['soon'])
})

t.test('a flood of one DHCP request adds two rows a second; other requests are rows of their own', (t) => {
  const { installs, clock } = installsWorld()
  for (let ms = 0; ms < 2000; ms += 10) {
    installs.observe(acknowledged(key, 'ipxe'))
    installs.observe(acknowledged('ocp45/w1', 'ipxe'))
    clock.advance(10)
  }
  t.same([installs.history(key).length, installs.history('ocp45/w1').length], [4, 4])
  for (let seconds = 0; seconds < 5; seconds++) {
    clock.advance(1000)
    installs.observe(acknowledged(key, 'ipxe'))
  }
  t.equal(installs.history(key).length, 9)
  const others = [
    acknowledged(key, 'firmware'),
    acknowledged(key, 'ipxe', false),
    { ...acknowledged(key, 'ipxe'), answer: 'refused' },
    { ...acknowledged(key, 'ipxe'), message: 'discover' },
    { ...acknowledged(key, 'ipxe'), architecture: 7 },
    { ...acknowledged(key, 'ipxe'), vendorClass: 'PXEClient' },
    { ...acknowledged(key, 'ipxe'), ignored: [{ code: 97, text: 'option 97' }] },
  ] as const
  for (const other of others) installs.observe(other)
  t.equal(installs.history(key).length, 16)
  t.end()
})

t.test(
  'a flood of different requests is limited and counted, and does not displace the history',
  async (t) => {
    const store = openMemoryStore()
    const { installs, clock } = installsWorld({ store })
    await installs.command(key, 'local')
    for (let count = 0; count < 20_000; count++) {
      installs.observe({ ...acknowledged(key, 'ipxe'), architecture: count })
      installs.observe({ node: key, kind: 'script', script: count % 2 ? 'local' : 'menu' })
      if (count % 100 === 0) clock.advance(20)
    }
    clock.advance(1000)
    const history = store.history(m1Mac)
    t.ok(history.length < 520, `${history.length} rows`)
    t.match(history[0], { kind: 'command' })
    const total = (kind: string) =>
      history.filter((each) => each.kind === kind).reduce((sum, { count = 1 }) => sum + count, 0)
    t.equal(total('dhcp'), 20_000)
    t.equal(total('script'), 20_000)
  },
)

t.test('observations after a sequence, of one node or all, include those that are not written yet', (t) => {
  const { installs, clock } = installsWorld()
  const script = (node: string) => ({ node, kind: 'script', script: 'local' }) as const
  installs.observe(script(key))
  installs.observe(script('ocp45/w1'))
  clock.advance(60_000)
  installs.observe(script(key))
  const sequences = (...page: Parameters<typeof installs.after>) =>
    installs.after(...page).map(({ sequence }) => sequence)
  t.same(sequences(0, 9), [1, 2, 3])
  t.same(sequences(0, 2), [1, 2])
  t.same(sequences(0, 9, key), [1, 3])
  t.same(sequences(1, 9, key), [3])
  t.same(sequences(0, 9, 'ocp45/w1'), [2])
  t.same(sequences(0, 9, 'ocp45/m9'), [], 'a node that is not declared')
  t.end()
})

t.test('a jump of the wall clock is reported and changes nothing', (t) => {
  const clock = fakeClock()
  let jumpMs = 0
  const jumping = { ...clock, now: () => clock.now() + jumpMs }
  const { installs, lines } = installsWorld({ clock: jumping })
  installs.observe(acknowledged(key, 'firmware'))
  t.same(installs.problems(), [])
  const before = installs.list()
  for (const ms of [400 * 24 * 3_600_000, -3_600_000]) {
    jumpMs = ms
    installs.observe(acknowledged(key, 'ipxe'))
    t.match(lines.at(-1), { msg: 'clock jumped', code: 'state.clock-jumped' })
  }
  t.match(installs.problems(), [{ code: 'state.clock-jumped' }])
  t.same(
    installs.list().map(({ mode }) => mode),
    before.map(({ mode }) => mode),
  )
  t.equal(installs.history(key).length, 2)
  clock.advance(25 * 3_600_000)
  t.same(installs.problems(), [])
  t.end()
})

t.test('observations are written each second, records that they change sooner, failed writes later', (t) => {
  const memory = openMemoryStore()
  let isFull = false
  const clock = fakeClock()
  const writes: number[] = []
  const keep: typeof memory.keep = (...change) => {
    writes.push(clock.monotonic())
    if (isFull) throw new Error('disk full')
    memory.keep(...change)
  }
  const { installs } = installsWorld({ clock, store: { ...memory, keep } })
  const after = (ms: number) => {
    clock.advance(ms)
    return writes.splice(0).length
  }
  after(5000)
  const loader = { node: key, kind: 'loader', file: 'x', by: 'tftp', octets: 1, durationMs: 1 } as const
  installs.observe({ ...loader, outcome: 'sent' })
  t.same([after(999), after(1)], [0, 1], 'an observation')
  installs.observe({ ...loader, outcome: 'sent' })
  installs.observe(acknowledged('ocp45/w1', 'ipxe'))
  t.same([after(249), after(1), after(1000)], [0, 1, 0], 'with a record')
  isFull = true
  installs.observe({ ...loader, outcome: 'sent' })
  t.equal(after(1000), 1)
  installs.observe(acknowledged('ocp45/w1', 'ipxe'))
  t.same([after(4999), after(1)], [0, 1], 'after a failure')
  isFull = false
  t.equal(after(5000), 1)
  t.equal(memory.history(m1Mac).length, 3)
  t.end()
})

t.test('a change that fails leaves neither its record nor its observations', (t) => {
  const store = openMemoryStore()
  const log = createLog('error', { write() {} })
  const journal = createJournal({ store, clock: fakeClock(), log, counters: new Counters() })
  const before = initialState(installPlan().get(key)!)
  journal.set(m1Mac, before)
  journal.note(m1Mac, { node: key, kind: 'command', command: 'install' })
  const failing = () => {
    journal.set(m1Mac, { ...before, mode: 'local' })
    journal.note(m1Mac, { node: key, kind: 'command', command: 'local' })
    throw new Error('a fault')
  }
  t.throws(() => journal.keep(m1Mac, failing), { message: 'a fault' })
  t.equal(journal.state(m1Mac), before)
  journal.write()
  t.match(store.history(m1Mac), [{ command: 'install' }])
  t.equal(store.history(m1Mac).length, 1)
  t.end()
})

t.test('what is observed after the end is not written, because the database is closed', (t) => {
  const memory = openMemoryStore()
  let isClosed = false
  const store: Store = storeWithKeep(
    {
      ...memory,
      close() {
        isClosed = true
      },
    },
    (...given) => {
      if (isClosed) t.fail('written after the end')
      memory.keep(...given)
    },
  )
  const { installs, clock } = installsWorld({ store })
  installs.close()
  installs.observe(acknowledged(key, 'ipxe'))
  clock.advance(10_000)
  t.ok(isClosed)
  t.end()
})

t.test(
  'the database file is completed five seconds after the last commit, or ten after the first',
  async (t) => {
    const memory = openMemoryStore()
    let checkpoints = 0
    const store: Store = {
      ...memory,
      checkpoint() {
        checkpoints++
        throw new Error('database or disk is full')
      },
    }
    const { installs, clock, lines } = installsWorld({ store })
    await installs.command(key, 'local')
    await installs.command(key, 'install')
    clock.advance(4999)
    t.equal(checkpoints, 0)
    clock.advance(1)
    t.equal(checkpoints, 1)
    t.match(
      lines.filter(({ level }) => level === 'warn'),
      [{ reason: 'database or disk is full', msg: 'state checkpoint failed' }],
    )
    for (let second = 0; second < 10; second++) {
      await installs.command(key, second % 2 === 0 ? 'install' : 'local')
      t.equal(checkpoints, 1)
      clock.advance(999)
    }
    clock.advance(10)
    t.equal(checkpoints, 2)
    await installs.command(key, 'local')
    installs.close()
    t.equal(clock.pending(), 0)
  },
)
