import t, { type Test } from 'tap'
import {
  acknowledge,
  beginTransfer,
  expire,
  isProbe,
  hasSendWindow,
  recordSent,
  timeoutMs,
  type Transfer,
} from '../../../src/serve/tftp/transfer.ts'

const agreement = { blockOctets: 512, windowBlocks: 1, timeoutSeconds: undefined, granted: new Map() }
const withOack = { ...agreement, granted: new Map([['blksize', '512']]) }

/** Sends the allowed blocks of a file with `last` blocks, and returns their numbers. */
function sendAll(transfer: Transfer, last = Infinity): number[] {
  const sent: number[] = []
  while (hasSendWindow(transfer)) {
    sent.push(transfer.next)
    recordSent(transfer, transfer.next === last ? 0 : 512)
  }
  return sent
}

t.test('without options the first block follows the request (RFC 1350 §2)', (t) => {
  const transfer = beginTransfer(agreement)
  t.same(sendAll(transfer), [1])
  t.equal(acknowledge(transfer, 1), 'send')
  t.same(sendAll(transfer), [2])
  t.end()
})

t.test('after an OACK, blocks wait for ACK 0 (RFC 2347)', (t) => {
  const transfer = beginTransfer(withOack)
  t.same(sendAll(transfer), [])
  t.equal(acknowledge(transfer, 1), 'ignore')
  t.same(sendAll(transfer), [])
  t.equal(acknowledge(transfer, 0), 'send')
  t.same(sendAll(transfer), [1])
  t.end()
})

t.test('the ACK of the last block ends it (RFC 1350 §6)', (t) => {
  const transfer = beginTransfer(agreement)
  t.same(sendAll(transfer, 2), [1])
  t.equal(acknowledge(transfer, 1), 'send')
  t.same(sendAll(transfer, 2), [2])
  t.equal(transfer.last, 2)
  t.equal(acknowledge(transfer, 2), 'done')
  t.end()
})

t.test("a duplicate ACK is not answered: the Sorcerer's Apprentice Syndrome (RFC 1123 §4.2.3.1)", (t) => {
  const transfer = beginTransfer(agreement)
  sendAll(transfer)
  t.equal(acknowledge(transfer, 1), 'send')
  sendAll(transfer)
  for (let copy = 0; copy < 3; copy++) t.equal(acknowledge(transfer, 1), 'ignore')
  t.equal(transfer.retransmissions, 0)
  t.end()
})

t.test('an ACK that is old, or for a block that was never sent, is ignored', (t) => {
  const transfer = beginTransfer(agreement)
  sendAll(transfer)
  acknowledge(transfer, 1)
  sendAll(transfer)
  for (const block of [0, 3, 4, 65_535, 32_769])
    t.equal(acknowledge(transfer, block), 'ignore', String(block))
  t.same(sendAll(transfer), [])
  t.end()
})

t.test('a window is sent without waiting, and the next one after its last ACK (RFC 7440 §4)', (t) => {
  const transfer = beginTransfer({ ...agreement, windowBlocks: 4 })
  t.same(sendAll(transfer), [1, 2, 3, 4])
  t.equal(acknowledge(transfer, 4), 'send')
  t.same(sendAll(transfer, 6), [5, 6])
  t.equal(acknowledge(transfer, 6), 'done')
  t.end()
})

t.test('sending continues after an ACK inside the window (RFC 7440 §4)', (t) => {
  const transfer = beginTransfer({ ...agreement, windowBlocks: 4 })
  sendAll(transfer)
  t.equal(acknowledge(transfer, 2), 'send')
  t.same(sendAll(transfer), [3, 4, 5, 6])
  t.equal(transfer.retransmissions, 2)
  t.equal(acknowledge(transfer, 2), 'ignore', 'OVMF repeats it for each block out of order')
  t.equal(acknowledge(transfer, 6), 'send')
  t.same(sendAll(transfer), [7, 8, 9, 10])
  t.equal(transfer.retransmissions, 2)
  t.end()
})

t.test('an ACK inside a resent window can be a duplicate: only new blocks follow', (t) => {
  const transfer = beginTransfer({ ...agreement, windowBlocks: 4 })
  sendAll(transfer)
  expire(transfer)
  t.same(sendAll(transfer), [1, 2, 3, 4])
  t.equal(acknowledge(transfer, 2), 'send')
  t.same(sendAll(transfer), [5, 6])
  t.equal(acknowledge(transfer, 6), 'send')
  t.same(sendAll(transfer), [7, 8, 9, 10])
  t.equal(acknowledge(transfer, 7), 'send', 'the next window too may meet echoes')
  t.same(sendAll(transfer), [11])
  t.equal(acknowledge(transfer, 11), 'send')
  t.same(sendAll(transfer), [12, 13, 14, 15])
  t.equal(acknowledge(transfer, 13), 'send', 'after that an ACK inside is a gap again')
  t.same(sendAll(transfer), [14, 15, 16, 17])
  t.equal(transfer.retransmissions, 4 + 2)
  t.end()
})

t.test('an ACK of blocks sent before the window was sent again still counts', (t) => {
  const transfer = beginTransfer({ ...agreement, windowBlocks: 4 })
  sendAll(transfer)
  expire(transfer)
  recordSent(transfer, 512) // block 1 again, then the disk is slow
  t.equal(acknowledge(transfer, 4), 'send')
  t.same(sendAll(transfer), [5, 6, 7, 8])
  t.end()
})

t.test('a repeated ACK of the previous window means once that the first block was lost', (t) => {
  const transfer = beginTransfer({ ...agreement, windowBlocks: 2 })
  sendAll(transfer)
  acknowledge(transfer, 2)
  t.same(sendAll(transfer), [3, 4])
  t.equal(acknowledge(transfer, 2), 'send')
  t.same(sendAll(transfer), [3, 4])
  t.equal(acknowledge(transfer, 2), 'ignore')
  t.equal(acknowledge(transfer, 4), 'send')
  t.same(sendAll(transfer), [5, 6])
  t.equal(acknowledge(transfer, 4), 'wait', 'the client may be answering the window that came twice')
  t.equal(acknowledge(transfer, 6), 'send')
  t.same(sendAll(transfer), [7, 8])
  t.equal(acknowledge(transfer, 6), 'send', 'two windows later it may be a gap again')
  t.end()
})

t.test('an ACK that may mean a gap shortens the timeout, once for each block (RFC 7440 §4)', (t) => {
  const transfer = beginTransfer({ ...agreement, windowBlocks: 4 })
  sendAll(transfer)
  acknowledge(transfer, 2)
  t.same(sendAll(transfer), [3, 4, 5, 6])
  t.equal(timeoutMs(transfer), 1000)
  t.equal(acknowledge(transfer, 3), 'send', 'a duplicate, or another gap')
  t.same(sendAll(transfer), [7])
  t.equal(timeoutMs(transfer), 10, 'at least 10 ms')
  transfer.roundTripMs = 8
  t.equal(timeoutMs(transfer), 32, 'four round trips')
  transfer.roundTripMs = 800
  t.equal(timeoutMs(transfer), 200, 'at most 200 ms')
  t.equal(expire(transfer), 'send')
  t.same([transfer.timeouts, transfer.silentMs], [0, 0], 'not a timeout of the client')
  t.same(sendAll(transfer), [4, 5, 6, 7])
  t.equal(acknowledge(transfer, 3), 'ignore', 'once for block 3')
  t.equal(timeoutMs(transfer), 1000)
  t.equal(acknowledge(transfer, 7), 'send', 'progress')
  t.equal(timeoutMs(transfer), 1000)
  t.end()
})

t.test('a repeated ACK is ignored while no block was sent after it', (t) => {
  const transfer = beginTransfer({ ...agreement, windowBlocks: 2 })
  sendAll(transfer)
  acknowledge(transfer, 2)
  t.equal(acknowledge(transfer, 2), 'ignore')
  t.end()
})

t.test('block numbers continue with 0 after 65535, any number of times', (t) => {
  const transfer = beginTransfer({ ...agreement, windowBlocks: 3 })
  const last = 2 * 65_536 + 5
  for (let acked = 0; acked < last; acked = transfer.acked) {
    const sent = sendAll(transfer, last)
    if (sent[0] !== acked + 1) throw new Error(`sent ${String(sent[0])} after ${acked}`)
    const step = acknowledge(transfer, sent.at(-1)! & 0xffff)
    if (step !== (sent.at(-1) === last ? 'done' : 'send')) throw new Error(`${step} at ${acked}`)
  }
  t.equal(transfer.acked, last)
  t.equal(transfer.retransmissions, 0)
  t.end()
})

t.test(
  'no response: the window is sent again after 1, 2, 4, 8, and 8 s, and the transfer ends after 31 s',
  (t) => {
    const transfer = beginTransfer({ ...agreement, windowBlocks: 2 })
    sendAll(transfer)
    acknowledge(transfer, 2)
    sendAll(transfer)
    t.same(waitsUntilEnd(t, transfer, [3, 4]), [1000, 2000, 4000, 8000, 8000, 8000])
    t.equal(transfer.retransmissions, 10)
    t.end()
  },
)

t.test('a client that acknowledged nothing gets at most five packets, because it can be a victim', (t) => {
  const transfer = beginTransfer(agreement)
  sendAll(transfer)
  t.same(waitsUntilEnd(t, transfer, [1]), [1000, 2000, 4000, 8000, 8000])
  t.equal(transfer.retransmissions, 4)
  const negotiating = beginTransfer(withOack)
  t.same(waitsUntilEnd(t, negotiating, []), [1000, 2000, 4000, 8000, 8000])
  t.equal(negotiating.retransmissions, 4)
  t.end()
})

t.test(
  'a client that requested a long time-out gets two retransmissions, also if it acknowledged nothing',
  (t) => {
    const transfer = beginTransfer({ ...agreement, timeoutSeconds: 60 })
    sendAll(transfer)
    t.same(waitsUntilEnd(t, transfer, [1]), [60_000, 60_000, 60_000])
    t.end()
  },
)

/** Lets a transfer expire until it ends, and checks that the same window is sent again each time. */
function waitsUntilEnd(t: Test, transfer: Transfer, window: readonly number[]): number[] {
  const waits: number[] = []
  for (;;) {
    waits.push(timeoutMs(transfer))
    if (expire(transfer) === 'gaveUp') return waits
    t.same(sendAll(transfer), window)
  }
}

t.test('progress resets the timeout', (t) => {
  const transfer = beginTransfer(agreement)
  sendAll(transfer)
  expire(transfer)
  expire(transfer)
  t.equal(timeoutMs(transfer), 4000)
  sendAll(transfer)
  acknowledge(transfer, 1)
  t.equal(timeoutMs(transfer), 1000)
  t.end()
})

t.test('an OACK is retransmitted like a block (RFC 2347)', (t) => {
  const transfer = beginTransfer(withOack)
  t.equal(expire(transfer), 'send')
  t.equal(transfer.isNegotiating, true)
  t.equal(transfer.retransmissions, 1)
  t.equal(acknowledge(transfer, 0), 'send')
  t.end()
})

const intervals = [
  { timeoutSeconds: 1, waits: 30 },
  { timeoutSeconds: 6, waits: 5 },
  { timeoutSeconds: 255, waits: 3 },
]

for (const { timeoutSeconds, waits } of intervals) {
  t.test(`a timeout of ${timeoutSeconds} s is kept without back-off (RFC 2349), ${waits} times`, (t) => {
    const transfer = beginTransfer({ ...agreement, timeoutSeconds })
    sendAll(transfer)
    acknowledge(transfer, 1)
    sendAll(transfer)
    let count = 0
    do {
      if (timeoutMs(transfer) !== timeoutSeconds * 1000) throw new Error(`${timeoutMs(transfer)} ms`)
      count++
    } while (expire(transfer) === 'send')
    t.equal(count, waits)
    t.end()
  })
}

t.test('an ERROR in place of ACK 0 means a size probe', (t) => {
  const transfer = beginTransfer(withOack)
  t.equal(isProbe(transfer, 8), true, 'OVMF')
  t.equal(isProbe(transfer, 0), true, 'older boot ROMs')
  t.equal(isProbe(transfer, 3), false, 'the file does not fit (RFC 2349)')
  acknowledge(transfer, 0)
  t.equal(isProbe(transfer, 8), false)
  t.equal(isProbe(beginTransfer(agreement), 0), false)
  t.end()
})
