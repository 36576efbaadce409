import t from 'tap'
import { pause } from '../../src/host/clock.ts'
import { fakeClock } from '../support/fake-clock.ts'

t.test('ends after its time, on abort, or at once for an aborted signal, and leaves no timer', async (t) => {
  const clock = fakeClock()
  const abort = new AbortController()
  const whole = pause(clock, 1000)
  clock.advance(1000)
  await whole
  const cut = pause(clock, 1000, abort.signal)
  abort.abort()
  await cut
  await pause(clock, 1000, abort.signal)
  t.equal(clock.pending(), 0)
})
