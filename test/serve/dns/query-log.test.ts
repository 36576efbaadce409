import t from 'tap'
import { createLog, type LogLevel } from '../../../src/host/log.ts'
import { createQueryLog } from '../../../src/serve/dns/query-log.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { hex } from '../../support/hex.ts'
import { guideModel } from '../../plan/dns/guide.ts'
import { askOctets, encode, planOf } from './ask.ts'

const plan = planOf(guideModel())

function setUp(level: LogLevel) {
  const lines: Record<string, unknown>[] = []
  const log = createLog(level, {
    write: (text) => void lines.push(JSON.parse(text) as Record<string, unknown>),
  })
  const clock = fakeClock()
  const notes = createQueryLog(log, clock)
  const note = (query: Uint8Array, address: string, mayForward = true) =>
    notes.record(plan, query, address, 5353, askOctets(plan, query, { mayForward }))
  return { lines, clock, note }
}

t.test('each query is logged at debug level', (t) => {
  const { lines, note } = setUp('debug')
  note(encode({ name: 'API.ocp45.example.localdomain' }), '172.16.0.21')
  note(encode({ name: 'quay.io', type: 'AAAA' }), '172.16.0.99')
  note(hex('1234 0100 0000 0000 0000 0000'), '172.16.0.21')
  note(hex('1234 8180'), '172.16.0.21')
  t.match(lines, [
    {
      level: 'debug',
      msg: 'query',
      node: 'ocp45/m1',
      client: '172.16.0.21:5353',
      question: 'API.ocp45.example.localdomain A',
      outcome: 'answered',
    },
    { client: '172.16.0.99:5353', question: 'quay.io AAAA', outcome: 'forwarded' },
    { outcome: 'malformed', reason: '0 questions, expected 1 at octet 4' },
    { outcome: 'malformed', reason: 'shorter than a header' },
  ])
  t.same(
    lines.map((line) => 'question' in line),
    [true, true, false, false],
  )
  t.equal('node' in (lines[1] ?? {}), false)
  t.end()
})

t.test('undeclared clients that query other names are logged every 10 s with their number', (t) => {
  const { lines, clock, note } = setUp('info')
  const query = encode({ name: 'quay.io' })
  note(query, '198.51.100.7', false)
  for (let index = 0; index < 5; index++) note(query, '198.51.100.8', false)
  note(encode({ name: 'api.ocp45.example.localdomain' }), '198.51.100.7', false)
  clock.advance(10_000)
  note(query, '198.51.100.9', false)
  t.match(lines, [
    {
      level: 'info',
      msg: 'undeclared client refused',
      client: '198.51.100.7:5353',
      question: 'quay.io A',
      queries: 1,
    },
    { msg: 'undeclared client refused', client: '198.51.100.9:5353', queries: 6 },
  ])
  t.equal(lines.length, 2)
  t.end()
})
