import t from 'tap'
import { measureProcess, parseUdpDrops } from '../../src/host/process-health.ts'

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
