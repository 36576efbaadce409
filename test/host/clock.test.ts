import t from 'tap'
import { systemClock } from '../../src/host/clock.ts'

t.test('the system clock runs a timer once, never decreases, and can be canceled', async (t) => {
  const before = systemClock.monotonic()
  let cancelledRan = false
  systemClock.after(0, () => (cancelledRan = true)).cancel()
  await new Promise<void>((done) => systemClock.after(1, done))
  t.equal(cancelledRan, false)
  t.ok(systemClock.monotonic() > before)
  const [earliest, now, latest] = [Date.now(), systemClock.now(), Date.now()]
  t.ok(earliest <= now && now <= latest)
})
