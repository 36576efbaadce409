/** The pages of observations: what is sent once the store answers again, what is left out, and what is read again. */
import t from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import { createJournal } from '../../../src/install/journal.ts'
import { openMemoryStore } from '../../../src/install/open-store.ts'
import { createHistory } from '../../../src/install/shared/history.ts'
import { layoutOf, parsePage } from '../../../src/install/shared/layout.ts'
import type { Store } from '../../../src/install/store.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { fakeEtcd } from '../../support/fake-etcd.ts'
import { m1Mac } from '../../support/installs.ts'
import { storeWithKeep } from '../../support/store-with-keep.ts'

const node = 'ocp45/m1'
const keys = layoutOf('/slipway/lab')
const script = { node, kind: 'script', script: 'local' } as const

/** An appliance with a database of its own. */
function appliance(etcd: ReturnType<typeof fakeEtcd>, address: string, store: Store = openMemoryStore()) {
  const clock = fakeClock()
  const log = createLog('error', { write() {} })
  const journal = createJournal({ store, clock, log, counters: new Counters() })
  const history = createHistory({ etcd: etcd.client, keys, id: address, address, store, journal, clock })
  return { clock, journal, history, store }
}

const pages = ({ entries }: ReturnType<typeof fakeEtcd>) =>
  [...entries.values()].map(({ value }) => parsePage(value)!.kept.map(({ observation }) => observation))

t.test('observations that the store did not accept are sent when it answers, once each', async (t) => {
  const etcd = fakeEtcd()
  const { journal, history, clock } = appliance(etcd, 'a')
  journal.note(m1Mac, script)
  journal.write()
  etcd.world.fault = 'no answer'
  await t.rejects(history.send(), { name: 'EtcdUnreachable' })
  t.same(pages(etcd), [])
  etcd.world.fault = 'none'
  await history.send()
  // The store lost the lease, for example because it was restored.
  etcd.expire('nothing')
  clock.advance(60_000)
  journal.note(m1Mac, { ...script, script: 'menu' })
  journal.write()
  await t.rejects(history.send(), { name: 'EtcdRefused' })
  await history.send()
  await history.send()
  t.match(pages(etcd), [[{ script: 'local' }], [{ script: 'menu' }]])
})

t.test('only the last progress report of a download in each page is sent', async (t) => {
  const etcd = fakeEtcd()
  const { journal, history } = appliance(etcd, 'a')
  const report = (file: string, outcome: 'begun' | 'under-way' | 'sent', octets: number): void =>
    journal.note(m1Mac, {
      node,
      kind: 'file',
      what: 'rootfs',
      file,
      outcome,
      octets,
      total: 9,
      durationMs: 1,
    })
  report('one', 'begun', 0)
  report('one', 'under-way', 3)
  report('two', 'under-way', 4)
  journal.note(m1Mac, script)
  report('one', 'under-way', 6)
  report('one', 'sent', 9)
  report('two', 'under-way', 5)
  journal.write()
  await history.send()
  const [page = []] = pages(etcd)
  t.same(
    page.map((seen) => (seen.kind === 'file' ? `${seen.file} ${seen.outcome} ${seen.octets}` : seen.kind)),
    ['one begun 0', 'script', 'one sent 9', 'two under-way 5'],
  )
})

t.test('a page that could not be written is read again after a restart', async (t) => {
  const etcd = fakeEtcd()
  const sender = appliance(etcd, 'a')
  sender.journal.note(m1Mac, script)
  sender.journal.write()
  await sender.history.send()
  const store = openMemoryStore()
  const full = storeWithKeep(store, () => {
    throw new Error('database or disk is full')
  })
  await appliance(etcd, 'b', full).history.readNew()
  t.same(store.history(m1Mac), [])
  await appliance(etcd, 'b', store).history.readNew()
  t.match(store.history(m1Mac), [{ kind: 'script', appliance: 'a' }])
  await appliance(etcd, 'b', store).history.readNew()
  t.equal(store.history(m1Mac).length, 1, 'a page that was written is not read again')
})

t.test('a damaged page is skipped', async (t) => {
  const etcd = fakeEtcd()
  const sender = appliance(etcd, 'a')
  sender.journal.note(m1Mac, script)
  sender.journal.write()
  await sender.history.send()
  const key = `${keys.observations}c/1`
  etcd.entries.set(key, { key, value: '{"kept":', revision: 2 })
  const { history, store } = appliance(etcd, 'b')
  await history.readNew()
  t.match(store.history(m1Mac), [{ kind: 'script', appliance: 'a' }])
})

t.test('an appliance that was closed sends nothing', (t) => {
  const etcd = fakeEtcd()
  const { journal, history, clock } = appliance(etcd, 'a')
  journal.note(m1Mac, script)
  journal.write()
  t.equal(clock.pending(), 1, 'it would send soon')
  history.close()
  t.equal(clock.pending(), 0)
  journal.note(m1Mac, { ...script, script: 'menu' })
  journal.write()
  t.equal(clock.pending(), 0)
  t.equal(etcd.world.calls, 0)
  t.end()
})
