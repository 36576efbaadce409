import { join } from 'node:path'
import t from 'tap'
import { systemClock, pause, bootEpoch } from '../../src/host/clock.ts'
import { fakeClock } from '../support/fake-clock.ts'

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

t.test('the monotonic clock is the one of the kernel, which all processes share', (t) => {
  const kernel = () => Number(process.hrtime.bigint()) / 1e6
  const [earliest, now, latest] = [kernel(), systemClock.monotonic(), kernel()]
  t.ok(now > earliest - 1 && now < latest + 1, `${earliest} ${now} ${latest}`)
  t.end()
})

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

t.test('the boot ID of the kernel is the same for every process', (t) => {
  const path = join(t.testdir({ boot_id: '01234567-89ab-cdef-0123-456789abcdef\n' }), 'boot_id')
  t.equal(bootEpoch(path), '01234567-89ab-cdef-0123-456789abcdef')
  t.equal(bootEpoch(path), bootEpoch(path))
  t.end()
})

t.test('without a boot ID, times of two processes are never compared', (t) => {
  const path = join(t.testdir(), 'boot_id')
  t.match(bootEpoch(path), /^process-[0-9a-f-]{36}$/)
  t.not(bootEpoch(path), bootEpoch(path))
  t.end()
})
