import t from 'tap'
import {
  createNodeLogs,
  logLimits,
  type LogLimits,
  type NodeLogs,
} from '../../../src/serve/syslog/node-logs.ts'
import { fakeClock } from '../../support/fake-clock.ts'

function setUp(limits: Partial<LogLimits> = {}) {
  const clock = fakeClock()
  const logs = createNodeLogs(clock, { ...logLimits, ...limits })
  const add = (node: string, text: string) => logs.add(node, new TextEncoder().encode(`<14>${text}`))
  return { clock, logs, add }
}

const texts = (logs: NodeLogs, node: string, after?: number, last?: number) =>
  logs.read(node, after, last).lines.map(({ text }) => text)

t.test('keeps lines in order, with a sequence that grows over a restart', (t) => {
  const { clock, logs, add } = setUp()
  for (const text of ['one', 'two', 'three']) t.ok(add('a', text))
  const { lines } = logs.read('a')
  t.same(
    lines.map(({ text }) => text),
    ['one', 'two', 'three'],
  )
  t.ok((lines[0]?.sequence ?? 0) < (lines[1]?.sequence ?? 0))
  t.same(texts(logs, 'a', lines[0]?.sequence), ['two', 'three'])
  t.same(texts(logs, 'a', lines[2]?.sequence), [])
  t.same(texts(logs, 'a', 0, 2), ['two', 'three'])
  t.same(logs.read('b'), { lines: [], dropped: 0 })

  clock.advance(1000)
  const restarted = createNodeLogs(clock)
  restarted.add('a', new Uint8Array())
  t.ok((restarted.read('a').lines[0]?.sequence ?? 0) > (lines[2]?.sequence ?? Infinity))
  t.end()
})

t.test('each log has a maximum number of lines', (t) => {
  const { logs, add } = setUp({ linesPerNode: 10 })
  for (let line = 0; line < 25; line++) add('a', String(line))
  t.same(texts(logs, 'a'), ['15', '16', '17', '18', '19', '20', '21', '22', '23', '24'])
  t.equal(logs.read('a', 0, 9999).lines.length, 10)
  t.end()
})

t.test('a node that sends too fast loses messages, and others lose none', (t) => {
  const { clock, logs, add } = setUp({ burst: 5, perSecond: 10 })
  for (let line = 0; line < 8; line++) t.equal(add('a', String(line)), line < 5)
  t.ok(add('b', 'quiet'))
  t.equal(logs.read('a').dropped, 3)
  clock.advance(200)
  t.same(
    [1, 2, 3].map((line) => add('a', String(line))),
    [true, true, false],
  )
  t.equal(logs.read('a').dropped, 4)
  clock.advance(3_600_000)
  t.same(
    [1, 2, 3, 4, 5, 6].map((line) => add('a', String(line))),
    [true, true, true, true, true, false],
  )
  t.end()
})

t.test('all logs share a limit, which shortens the longest ones', (t) => {
  const { logs, add } = setUp({ totalSize: 20_000 })
  for (let line = 0; line < 5; line++) add('quiet', `quiet ${line}`)
  for (let line = 0; line < 1000; line++) {
    add('loud', 'x'.repeat(50))
    add('loud too', 'y'.repeat(50))
  }
  t.equal(logs.read('quiet').lines.length, 5)
  const [loud, other] = [logs.read('loud').lines.length, logs.read('loud too').lines.length]
  t.ok(loud > 30 && loud < 90, String(loud))
  t.ok(Math.abs(loud - other) <= 1)
  t.end()
})

t.test('the logs of nodes that are no longer declared are deleted', (t) => {
  const { logs, add } = setUp()
  add('a', 'one')
  add('b', 'two')
  logs.keep(new Set(['b', 'c']))
  t.same([texts(logs, 'a'), texts(logs, 'b')], [[], ['two']])
  t.end()
})
