import t from 'tap'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import type { Neighbors } from '../../src/host/neighbors.ts'
import { createSendGuard, createSending } from '../../src/host/send-guard.ts'
import { fakeClock } from '../support/fake-clock.ts'

const bufferOctets = 212_992
const neighbors: Neighbors = {
  stateOf: (address) => (address.startsWith('10.') ? 'unresolved' : 'reachable'),
}

t.test('a reachable destination is never refused while the socket can send', (t) => {
  const guard = createSendGuard(bufferOctets, neighbors, fakeClock())
  for (let count = 0; count < 10_000; count++) t.equal(guard.refusal('192.0.2.1', 1400, 0), undefined)
  t.end()
})

t.test('one unresolved destination gets eight datagrams per resolution time', (t) => {
  const clock = fakeClock()
  const guard = createSendGuard(bufferOctets, neighbors, clock)
  const accepted = () =>
    Array.from({ length: 50 }, () => guard.refusal('10.0.0.1', 100, 0)).filter((each) => each === undefined)
      .length
  t.equal(accepted(), 8)
  clock.advance(3000)
  t.equal(accepted(), 0)
  clock.advance(500)
  t.equal(accepted(), 8)
  t.equal(guard.refusal('10.0.0.1', 100, 0), 'server.neighbor-unresolved')
  t.end()
})

t.test('all unresolved destinations together occupy at most half of the send buffer', (t) => {
  const clock = fakeClock()
  const guard = createSendGuard(bufferOctets, neighbors, clock)
  // The kernel holds each accepted datagram for 3.5 s.
  const held: number[] = []
  let [sum, worst] = [0, 0]
  for (let ms = 0; ms < 20_000; ms += 1) {
    for (let each = 0; each < 5; each++) {
      const number = ms * 5 + each
      if (guard.refusal(`10.0.${(number >>> 8) & 255}.${number & 255}`, 500, 0) !== undefined) continue
      held.push(ms + 3500)
      sum += 1524
    }
    for (; held[0] !== undefined && held[0] <= ms; held.shift()) sum -= 1524
    worst = Math.max(worst, sum)
    clock.advance(1)
  }
  t.ok(worst <= bufferOctets / 2, `${worst} octets held`)
  t.ok(worst >= bufferOctets / 8, `${worst} octets held`)
  t.end()
})

t.test('a full send buffer queues a bounded number of datagrams, with a share for each destination', (t) => {
  const guard = createSendGuard(bufferOctets, neighbors, fakeClock())
  let queued = 1
  const send = (address: string) => {
    const refusal = guard.refusal(address, 100, queued)
    if (refusal === undefined) queued++
    return refusal
  }
  const accepted = (address: string) =>
    Array.from({ length: 100 }, () => send(address)).filter((each) => each === undefined).length
  t.equal(accepted('192.0.2.1'), 64, 'one destination does not take the whole queue')
  t.equal(accepted('192.0.2.2'), 64)
  t.equal(accepted('192.0.2.3'), 64)
  t.equal(accepted('192.0.2.4'), 63)
  t.equal(send('192.0.2.5'), 'server.send-queue-full')
  guard.sent('192.0.2.1')
  queued--
  t.equal(send('192.0.2.1'), undefined, 'what has left makes space')
  t.end()
})

t.test(
  'dropped replies are counted by code and logged every ten seconds with number and destination',
  (t) => {
    const clock = fakeClock()
    const counters = new Counters()
    const lines: Record<string, unknown>[] = []
    const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>)
    const sending = createSending({ clock, counters, log: createLog('info', { write }), neighbors })
    for (let count = 0; count < 100; count++)
      sending.dropped('server.neighbor-unresolved', `192.0.2.${count}`)
    clock.advance(10_000)
    sending.dropped('server.neighbor-unresolved', '192.0.2.200')
    t.equal(counters.get('udp.dropped'), 101)
    t.same(counters.refusals(), { 'server.neighbor-unresolved': 101 })
    t.match(lines, [
      {
        level: 'warn',
        code: 'server.neighbor-unresolved',
        count: 1,
        client: '192.0.2.0',
        msg: 'replies dropped',
      },
      {
        level: 'warn',
        code: 'server.neighbor-unresolved',
        count: 100,
        client: '192.0.2.200',
        msg: 'replies dropped',
      },
    ])
    t.equal(lines.length, 2)
    t.end()
  },
)
