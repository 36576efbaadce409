import t from 'tap'
import type { Recording } from '../../../src/host/capture/recording.ts'
import { controlIndex, createMailbox, stopMessage } from '../../../src/host/lane/mailbox.ts'
import { createOutbox } from '../../../src/host/lane/outbox.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { libcOf } from './lane-sockets.ts'

const mac = '00:50:56:96:7a:21' as Mac

t.test('messages are read once, and reports are sent when they are due', async (t) => {
  const control = new SharedArrayBuffer(12)
  const numbers = new Int32Array(control)
  const clock = fakeClock()
  const outbox = createOutbox<string>(false, numbers.subarray(controlIndex.unread), 10)
  const inbox: unknown[] = ['a', 'b']
  const received: unknown[] = []
  const reports: unknown[] = []
  let reads = 0
  const recording: Recording = { recorder: undefined }
  const mailbox = createMailbox({
    libc: { ...(await libcOf()), read: () => ++reads },
    setup: { sockets: [], wakeFd: -1, control, isDebug: false },
    ...{ outbox, clock, recording },
    nextMessage: () => (inbox.length === 0 ? undefined : { message: inbox.shift() }),
    receive: (message) => void received.push(message),
    send: (report) => void reports.push(report),
  })
  t.equal(mailbox.begin(), false)
  Atomics.add(numbers, controlIndex.sent, 2)
  t.equal(mailbox.begin(), true)
  t.equal(mailbox.begin(), false)
  t.same(received, ['a', 'b'])
  t.equal(reads, 1)
  t.equal(numbers[controlIndex.rounds], 3)

  outbox.counters.increment('x')
  t.equal(mailbox.report(), true, 'counts wait')
  clock.advance(50)
  t.equal(mailbox.report(), false)
  outbox.add('now')
  t.equal(mailbox.report(), false)
  t.match(reports, [{ counts: { counts: [['x', 1]] } }, { messages: ['now'] }])

  const filter = { macs: [mac], addresses: [], server: { address: '127.0.0.1' } }
  for (const capture of [filter, null]) {
    inbox.push({ capture })
    Atomics.add(numbers, controlIndex.sent, 1)
    mailbox.begin()
    t.equal(recording.recorder === undefined, capture === null)
    const [peer, local] = [
      { address: '127.0.0.1', port: 68 },
      { address: '127.0.0.1', port: 67 },
    ]
    recording.recorder?.received(Buffer.from('005056967a21', 'hex'), peer, local)
  }
  clock.advance(50)
  mailbox.report()
  t.match(reports.at(-1), { frames: [{ octets: 48 }] })
  inbox.push(stopMessage)
  Atomics.add(numbers, controlIndex.sent, 1)
  t.equal(mailbox.isStopped(), false)
  mailbox.begin()
  t.equal(mailbox.isStopped(), true)
  t.same(received, ['a', 'b'])
})
