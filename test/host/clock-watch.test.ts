import t from 'tap'
import { watchClock } from '../../src/host/clock-watch.ts'
import type { Log } from '../../src/host/log.ts'
import { fakeClock } from '../support/fake-clock.ts'

t.test('a jump of the wall clock is logged once and reported for a day', (t) => {
  const clock = fakeClock()
  let shiftMs = 0
  const events: object[] = []
  const log = { warn: (facts: object, message: string) => void events.push({ ...facts, message }) }
  const shifted = { ...clock, now: () => clock.now() + shiftMs }
  const watch = watchClock(shifted, log as unknown as Log)
  clock.advance(60_000)
  shiftMs = 59_000
  clock.advance(10_000)
  t.equal(watch.problem(), undefined, 'NTP corrects less than a minute')
  shiftMs = 59_000 - 3 * 3_600_000
  clock.advance(20_000)
  t.same(events, [{ code: 'server.clock-jumped', jumpMs: -3 * 3_600_000, message: 'clock jumped' }])
  t.equal(watch.problem(), 'the clock of this machine jumped back by 3 h')
  shiftMs += 120_000
  clock.advance(10_000)
  t.equal(watch.problem(), 'the clock of this machine jumped forward by 2 min')
  clock.advance(24 * 3_600_000)
  t.equal(watch.problem(), undefined)
  watch.close()
  t.equal(clock.pending(), 0)
  t.end()
})
