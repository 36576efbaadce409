/** Decisions about several machines that are made at the same time share one write to the disk. */
import t from 'tap'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import { createGroupCommit } from '../../src/install/group-commit.ts'
import { createJournal } from '../../src/install/journal.ts'
import { initialState } from '../../src/install/machine-state.ts'
import type { Mode } from '../../src/install/node-states.ts'
import { openMemoryStore } from '../../src/install/open-store.ts'
import type { Store, Sync } from '../../src/install/store.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { installPlan } from '../support/installs.ts'
import { until } from '../support/until.ts'
import { storeWithKeep } from '../support/store-with-keep.ts'

const nodes = [...installPlan().values()]
const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]

function world() {
  const clock = fakeClock()
  const memory = openMemoryStore()
  /** The machines and the sync of each write. */
  const writes: { readonly machines: readonly string[]; readonly sync: Sync | undefined }[] = []
  const disk = { isFull: false, isBroken: false, writeMs: 0, synced: Promise.resolve(undefined) }
  const keep: Store['keep'] = (states, observations, repeats, sync) => {
    if (disk.isFull) throw new Error('database or disk is full')
    clock.advance(disk.writeMs)
    writes.push({ machines: [...states.keys()], sync })
    memory.keep(states, observations, repeats, sync)
  }
  const store: Store = {
    ...storeWithKeep(memory, keep),
    commit(states, observations, repeats) {
      keep(states, observations, repeats, 'now')
      return { onDisk: disk.isBroken ? Promise.reject(new Error('input/output error')) : disk.synced }
    },
  }
  const log = createLog('error', { write() {} })
  const journal = createJournal({ store, clock, log, counters: new Counters() })
  for (const node of [first, second]) journal.set(node.mac, initialState(node))
  journal.write()
  writes.length = 0
  const group = createGroupCommit(journal, clock)
  const modeOf = (node: typeof first) => journal.state(node.mac)?.mode
  const to = (node: typeof first, mode: Mode) => () => {
    const before = modeOf(node)
    journal.set(node.mac, { ...initialState(node), mode })
    return before
  }
  return { group, journal, clock, disk, writes, modeOf, to }
}

t.test('decisions of one turn of the event loop are written together, and resolve after that', async (t) => {
  const { group, writes, modeOf, to } = world()
  const both = [group.commit(first.mac, to(first, 'local')), group.commit(second.mac, to(second, 'failed'))]
  t.same([modeOf(first), modeOf(second)], ['local', 'failed'], 'the changes are made before the call returns')
  t.equal(writes.length, 0)
  t.same(await Promise.all(both), ['install', 'install'])
  t.same(writes, [{ machines: [first.mac, second.mac], sync: 'now' }])
  await group.commit(first.mac, to(first, 'installed'))
  t.equal(writes.length, 2, 'a later decision has its own write')
})

t.test(
  'after a write, the next one waits three times as long as that blocked the services, at most 100 ms',
  async (t) => {
    for (const [writeMs, pauseMs] of [
      [20, 60],
      [300, 100],
    ] as const) {
      const { group, clock, disk, writes, to } = world()
      disk.writeMs = writeMs
      await group.commit(first.mac, to(first, 'local'))
      disk.writeMs = 0
      const both = [
        group.commit(first.mac, to(first, 'failed')),
        group.commit(second.mac, to(second, 'failed')),
      ]
      clock.advance(pauseMs - 1)
      t.equal(writes.length, 1)
      clock.advance(1)
      await Promise.all(both)
      t.same(
        writes.map(({ machines }) => machines),
        [[first.mac], [first.mac, second.mac]],
      )
      await group.commit(second.mac, to(second, 'local'))
      t.equal(writes.length, 3, 'no pause after a fast write')
    }
  },
)

t.test('a step of a machine waits for the write of its decision, and not for that of others', async (t) => {
  const { group, disk, writes, to } = world()
  const slow = Promise.withResolvers<undefined>()
  disk.synced = slow.promise
  const order: string[] = []
  const decided = group.commit(first.mac, to(first, 'local')).then(() => order.push('decided'))
  const again = group.commit(first.mac, to(first, 'failed'))
  const step = group.run(first.mac, () => order.push('step'))
  t.same([group.isBusy(first.mac), group.isBusy(second.mac)], [true, false])
  await until(() => writes.length === 1)
  const other = group.commit(second.mac, to(second, 'failed'))
  await new Promise(setImmediate)
  t.same(order, [])
  t.equal(writes.length, 1, 'the decision about another machine waits for the next write')
  slow.resolve(undefined)
  t.equal(await again, 'local', 'a second decision relies on the first, which is written before')
  t.equal(await other, 'install')
  await Promise.all([decided, step])
  t.same(order, ['decided', 'step'])
  await until(() => !group.isBusy(first.mac))
})

t.test('a decision that the disk does not confirm is undone, and the record is written again', async (t) => {
  const { group, disk, writes, clock, modeOf, to } = world()
  disk.isBroken = true
  await t.rejects(group.commit(first.mac, to(first, 'local')), { message: 'input/output error' })
  t.equal(modeOf(first), 'install')
  disk.isBroken = false
  clock.advance(5000)
  t.same(
    writes.map(({ machines }) => machines),
    [[first.mac], [first.mac]],
  )
})

t.test('other changes can share the write of a group', async (t) => {
  const { group, journal, disk, writes } = world()
  journal.set(first.mac, { ...initialState(first), mode: 'local' })
  await group.record()
  t.same(writes, [{ machines: [first.mac], sync: 'now' }])
  disk.isFull = true
  journal.set(first.mac, { ...initialState(first), mode: 'failed' })
  await group.record()
  t.equal(journal.state(first.mac)?.mode, 'failed', 'a change that is not a decision stays')
})

t.test('a failed write undoes all decisions of the group', async (t) => {
  const { group, disk, writes, modeOf, to } = world()
  disk.isFull = true
  const both = [group.commit(first.mac, to(first, 'local')), group.commit(second.mac, to(second, 'failed'))]
  const full = { message: 'database or disk is full' }
  await Promise.all(both.map((each) => t.rejects(each, full)))
  t.same([modeOf(first), modeOf(second)], ['install', 'install'])
  disk.isFull = false
  t.equal(await group.commit(first.mac, to(first, 'local')), 'install')
  t.equal(writes.length, 1)
})

t.test('a change that throws fails alone', async (t) => {
  const { group, modeOf, to } = world()
  const failing = group.commit(first.mac, () => {
    to(first, 'local')()
    throw new Error('a fault')
  })
  const other = group.commit(second.mac, to(second, 'local'))
  await t.rejects(failing, { message: 'a fault' })
  t.equal(await other, 'install')
  t.same([modeOf(first), modeOf(second)], ['install', 'local'])
})

t.test('a batch of observations that includes a decision is synced', async (t) => {
  const { group, clock, writes, to } = world()
  const decided = group.commit(first.mac, to(first, 'local'))
  clock.advance(250)
  t.same(writes, [{ machines: [first.mac], sync: 'now' }])
  t.equal(await decided, 'install')
  t.equal(writes.length, 1)
})

t.test('flush writes what is pending, and nothing otherwise', async (t) => {
  const { group, disk, writes, to } = world()
  group.flush()
  t.equal(writes.length, 0)
  const decided = group.commit(first.mac, to(first, 'local'))
  group.flush()
  t.equal(writes.length, 1)
  t.equal(await decided, 'install')
  disk.isFull = true
  const late = group.commit(first.mac, to(first, 'failed'))
  group.flush()
  await t.rejects(late, { message: 'database or disk is full' })
})
