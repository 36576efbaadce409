import t from 'tap'
import { measureProcess, parseUdpDrops, watchClock } from '../../src/host/process-health.ts'
import type { Log } from '../../src/host/log.ts'
import { fakeClock } from '../support/fake-clock.ts'

t.test('a blocked event loop, memory, files, and lost lines are measured', async (t) => {
  const read = measureProcess(() => 7)
  await new Promise((resolve) => setTimeout(resolve, 50))
  const until = performance.now() + 200
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 50))
  const health = read()
  t.ok(health.eventLoopDelayMs.max >= 150, `${health.eventLoopDelayMs.max} ms`)
  t.ok(health.residentMemoryBytes > 10e6 && health.heapUsedBytes > 1e6)
  t.ok((health.openFiles ?? 0) > 2)
  t.equal(health.logLinesLost, 7)
})

t.test('datagrams that the kernel dropped before the start do not count', (t) => {
  let drops = 40
  const read = measureProcess(
    () => 0,
    () => drops,
  )
  t.equal(read().datagramsDropped, 0)
  drops = 42
  t.equal(read().datagramsDropped, 2)
  t.end()
})

t.test('datagrams dropped by the kernel are RcvbufErrors of /proc/net/snmp', (t) => {
  const text = `Tcp: A B
Tcp: 1 2
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors
Udp: 100 2 3 90 42 5
UdpLite: InDatagrams RcvbufErrors
UdpLite: 0 9
`
  t.equal(parseUdpDrops(text), 42)
  t.equal(parseUdpDrops(''), 0)
  t.end()
})

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
