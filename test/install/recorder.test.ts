import t from 'tap'
import { Counters } from '../../src/host/counters.ts'
import { createJournal } from '../../src/install/journal.ts'
import { initialState } from '../../src/install/machine-state.ts'
import { openMemoryStore } from '../../src/install/open-store.ts'
import { createLocalRecorder } from '../../src/install/recorder.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { installPlan } from '../support/installs.ts'
import { silentLog } from '../support/silent-log.ts'

t.test('a step of a machine runs at once, or after the decision that the disk is writing', async (t) => {
  const [first, second] = [...installPlan().values()].map(({ mac }) => mac) as [string, string]
  const written = Promise.withResolvers<undefined>()
  const store = { ...openMemoryStore(), commit: () => ({ onDisk: written.promise }) }
  const clock = fakeClock()
  const journal = createJournal({ store, clock, log: silentLog(), counters: new Counters() })
  const node = [...installPlan().values()][0]!
  const recorder = createLocalRecorder(journal, clock)
  const order: string[] = []
  recorder.inTurn(first, () => order.push('before'))
  const decided = recorder.commit(first, () => journal.set(first, initialState(node)))
  recorder.inTurn(first, () => order.push('after'))
  recorder.inTurn(second, () => order.push('another machine'))
  t.same(order, ['before', 'another machine'])
  await recorder.settled(second)
  const settled = recorder.settled(first).then(() => order.push('settled'))
  written.resolve(undefined)
  await decided
  await settled
  t.same(order, ['before', 'another machine', 'after', 'settled'])
  t.same(recorder.problems(), [])
})
