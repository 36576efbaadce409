import t from 'tap'
import { createProcessLog, createLogLimit } from '../../src/host/log.ts'
import { fakeClock } from '../support/fake-clock.ts'

t.test('lines about one node are limited without affecting other nodes', (t) => {
  const limit = createLogLimit(fakeClock())
  const admitted = (node: string) =>
    Array.from({ length: 100 }, () => limit.admits('address offered', node)).filter(Boolean).length
  t.equal(admitted('ocp45/w1'), 60)
  t.equal(admitted('ocp45/w2'), 60)
  t.same([...limit.takeOmitted()], [['address offered', 80]])
  t.same([...limit.takeOmitted()], [])
  t.end()
})

t.test('a thousand nodes that boot together lose no line', (t) => {
  const limit = createLogLimit(fakeClock())
  for (let node = 0; node < 1000; node++) {
    for (let line = 0; line < 3; line++) t.ok(limit.admits('address offered', `ocp45/w${node}`))
  }
  t.end()
})

t.test(
  'a flood of one kind of line is limited to 50 lines a second, and other kinds are not affected',
  (t) => {
    const clock = fakeClock()
    const limit = createLogLimit(clock)
    let admitted = 0
    for (let ms = 0; ms < 120_000; ms++) {
      for (let each = 0; each < 5; each++) if (limit.admits('request refused', undefined)) admitted++
      clock.advance(1)
    }
    t.ok(admitted >= 8990 && admitted <= 9001, `${admitted} of 600,000 lines`)
    t.ok(limit.admits('server drained', undefined))
    t.end()
  },
)

t.test('the log reports how many lines it left out', (t) => {
  const clock = fakeClock()
  const lines: Record<string, unknown>[] = []
  const destination = {
    write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>),
    lost: () => 0,
    flush: () => Promise.resolve(),
    flushAtExit: () => {},
  }
  const log = createProcessLog('info', { clock, destination }).for('dhcp')
  for (let count = 0; count < 100; count++) log.info({ node: 'ocp45/w1' }, 'address offered')
  t.equal(lines.length, 60)
  clock.advance(10_000)
  log.info({}, 'another event')
  t.match(lines.slice(60), [
    { level: 'warn', code: 'server.log-lines-omitted', event: 'address offered', count: 40 },
    { msg: 'another event' },
  ])
  t.end()
})
