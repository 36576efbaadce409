import t from 'tap'
import { createOutbox } from '../../../src/host/lane/outbox.ts'

const unread = () => new Int32Array(new SharedArrayBuffer(4))

t.test('counts, log lines, and messages are sent together', (t) => {
  const outbox = createOutbox<string>(true, unread(), 2000)
  t.equal(outbox.take(), undefined)
  outbox.counters.increment('dns.queries', 2)
  outbox.counters.refuse('dns.no-resolver')
  outbox.log.for('dns').warn({ code: 'x' }, 'replies dropped')
  t.equal(outbox.add('hello'), true)
  t.same(outbox.take(), {
    counts: { counts: [['dns.queries', 2]], refusals: [['dns.no-resolver', 1]] },
    lines: [{ level: 'warn', facts: { code: 'x' }, message: 'replies dropped' }],
    messages: ['hello'],
  })
  t.equal(outbox.take(), undefined)
  t.equal(outbox.log.isDebug(), true)
  t.end()
})

t.test('log lines of a flood are omitted and counted', (t) => {
  const outbox = createOutbox(false, unread(), 2000)
  for (let index = 0; index < 503; index++) outbox.log.debug({ index }, 'query')
  const lines = outbox.take()?.lines ?? []
  t.equal(lines.length, 501)
  t.match(lines.at(-1), { level: 'warn', facts: { code: 'server.log-lines-omitted', count: 3 } })
  outbox.log.error({}, 'again')
  t.equal(outbox.take()?.lines.length, 1)
  t.end()
})

t.test('messages that the main thread does not read are bounded', (t) => {
  const pending = unread()
  const outbox = createOutbox<number>(false, pending, 2000)
  let added = 0
  while (outbox.add(added)) added++
  t.equal(outbox.isFull(), true)
  t.equal(added, 2256, 'a batch that was already received still fits')
  outbox.take()
  t.equal(outbox.add(0), false, 'they are sent, but not read')
  Atomics.sub(pending, 0, 1)
  t.equal(outbox.add(0), true)
  t.end()
})
