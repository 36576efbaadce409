import t from 'tap'
import type { DhcpSeen } from '../../src/install/observation.ts'
import { createRepeats } from '../../src/install/repeats.ts'
import { acknowledged } from '../support/installs.ts'
import { fakeClock } from '../support/fake-clock.ts'

type Done = { readonly text: string; readonly id: number }

function setUp(isFull = () => false) {
  const clock = fakeClock()
  const reports: string[] = []
  const report = ({ text, id }: Done, repeated?: number) =>
    void reports.push(`${text} ${id}${repeated === undefined ? '' : ` x${repeated}`}`)
  const isSame = (one: Done, other: Done) => one.text === other.text
  const repeats = createRepeats(clock, isSame, report, isFull)
  let id = 0
  const send = (text = 'offer', message: DhcpSeen['message'] = 'discover', node = 'm1') => {
    const seen = { ...(acknowledged(node, 'system') as DhcpSeen), message }
    const done = { text, id: ++id }
    const isRepetition = repeats.count(seen, done)
    if (!isRepetition) repeats.begin(seen, done)
    return isRepetition
  }
  return { clock, repeats, send, taken: () => reports.splice(0) }
}

t.test('the first message is reported at once, and its repetitions as a number', (t) => {
  const { clock, repeats, send, taken } = setUp()
  t.equal(send(), false)
  t.same(taken(), ['offer 1'])
  t.equal(repeats.reportDue(false), false, 'nothing waits')
  t.equal(send(), true)
  clock.advance(499)
  send()
  t.equal(repeats.reportDue(false), true)
  t.same(taken(), [])
  clock.advance(1)
  t.equal(repeats.reportDue(false), false)
  t.same(taken(), ['offer 1 x2'])
  t.end()
})

t.test('a message after half a second without repetitions is not a repetition', (t) => {
  const { clock, repeats, send, taken } = setUp()
  send()
  clock.advance(500)
  send()
  t.same(taken(), ['offer 1', 'offer 2'])
  clock.advance(500)
  repeats.reportDue(false)
  send()
  t.same(taken(), ['offer 3'])
  t.end()
})

t.test('a flood is counted every half second, and reported completely every ten seconds', (t) => {
  const { clock, repeats, send, taken } = setUp()
  let messages = 0
  for (let passed = 0; passed < 20_000; passed += 100) {
    send()
    messages++
    repeats.reportDue(false)
    clock.advance(100)
  }
  repeats.reportDue(true)
  const reports = taken()
  const numbers = reports.map((each) => Number(/ x(\d+)$/.exec(each)?.[1] ?? 1))
  t.equal(
    numbers.reduce((sum, each) => sum + each, 0),
    messages,
    'each message is counted once',
  )
  t.equal(reports.filter((each) => !each.includes('x')).length, 2)
  t.ok(reports.length < 45)
  t.end()
})

t.test('a DISCOVER and a REQUEST are repeated separately', (t) => {
  const { repeats, send, taken } = setUp()
  send('offer')
  send('ack', 'request')
  send('offer')
  send('ack', 'request')
  send('ack', 'request')
  t.same(taken(), ['offer 1', 'ack 2'])
  repeats.end('m1')
  t.same(taken(), ['offer 1 x1', 'ack 2 x2'])
  repeats.end('m1')
  t.equal(repeats.reportDue(true), false)
  t.same(taken(), [], 'once')
  t.end()
})

t.test('repetitions are reported before another message of the node', (t) => {
  const { send, taken } = setUp()
  send('offer')
  send('offer')
  send('ack', 'request')
  t.same(taken(), ['offer 1', 'offer 1 x1', 'ack 3'])
  send('ack', 'request')
  send('nak', 'request')
  t.same(taken(), ['ack 3 x1', 'nak 5'], 'another answer')
  send('ack', 'request')
  send('offer')
  t.same(taken(), ['ack 6', 'offer 7'], 'is followed by complete reports')
  t.end()
})

t.test('nodes are counted separately, and nothing is reported while the main thread is behind', (t) => {
  let isFull = true
  const { clock, repeats, send, taken } = setUp(() => isFull)
  for (const node of ['m1', 'm2', 'm1', 'm2']) send('offer', 'discover', node)
  taken()
  clock.advance(500)
  t.equal(repeats.reportDue(false), true)
  t.same(taken(), [])
  send('offer', 'discover', 'm2')
  isFull = false
  t.equal(repeats.reportDue(false), false)
  t.same(taken(), ['offer 1 x1', 'offer 2 x2'])
  t.end()
})

t.test('nodes that are due together are reported a few at a time, at the end all', (t) => {
  const { clock, repeats, send, taken } = setUp()
  const flood = () => {
    for (let node = 0; node < 100; node++)
      for (let count = 0; count < 2; count++) send('offer', 'discover', `m${node}`)
  }
  flood()
  taken()
  clock.advance(500)
  t.equal(repeats.reportDue(false), true)
  t.equal(taken().length, 32)
  t.equal(repeats.reportDue(false), true)
  t.equal(repeats.reportDue(false), true)
  t.equal(repeats.reportDue(false), false)
  const rest = taken()
  t.equal(rest.length, 68)
  t.ok(rest.every((each) => each.endsWith(' x1')))
  flood()
  t.equal(repeats.reportDue(true), false)
  t.equal(taken().length, 100)
  t.end()
})
