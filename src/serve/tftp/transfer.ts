/**
 * One transfer as a state machine without sockets, files or time: what an ACK, a timeout or an ERROR
 * means for it (RFC 1350 §2 and §6, RFC 7440 §4). Blocks are counted from 1 without end; only on the
 * wire they roll over from 65535 to 0.
 *
 * What keeps a delayed ACK from doubling all that follows (the sorcerer's apprentice, RFC 1123 §4.2.3.1): an
 * ACK is answered when it moves the transfer on; blocks are sent again for a timeout, or once for a gap.
 */
import { ErrorCode } from '../../proto/tftp/packet.ts'
import type { Agreement } from './negotiate.ts'

export type Transfer = {
  readonly blockOctets: number
  readonly windowBlocks: number
  readonly timeoutSeconds: number | undefined
  /** An OACK was sent and its ACK 0 has not come (RFC 2347). */
  isNegotiating: boolean
  /** The highest block that the client has acknowledged. */
  acked: number
  /** The block to be sent next. */
  next: number
  /** The highest block ever sent. */
  highest: number
  /** The block that ends the file, `Infinity` until it was sent for the first time. */
  last: number
  /** Timeouts since the client last moved the transfer on. */
  timeouts: number
  /** Milliseconds that those took. */
  silentMs: number
  /** Blocks and OACKs sent more than once. */
  retransmissions: number
  /** The window on its way was sent again, whole or in part; and the one before it. */
  isResent: boolean
  wasResent: boolean
}

/** `send`: blocks (or the OACK) are to be sent now. `ignore`: nothing changed. */
export type Step = 'send' | 'ignore' | 'done' | 'gaveUp'

const firstTimeoutMs = 1000
const longestTimeoutMs = 8000
/** With the back-off above: after 1, 2, 4, 8, 8 and 8 s, 31 s in all. */
const retransmitTimeoutMs = 30_000
/** Retransmissions before giving up, however long the client wanted the timeout to be. */
const leastTimeouts = 3

export function beginTransfer(agreement: Agreement): Transfer {
  return {
    blockOctets: agreement.blockOctets,
    windowBlocks: agreement.windowBlocks,
    timeoutSeconds: agreement.timeoutSeconds,
    isNegotiating: agreement.granted.size > 0,
    acked: 0,
    next: 1,
    highest: 0,
    last: Infinity,
    timeouts: 0,
    silentMs: 0,
    retransmissions: 0,
    isResent: false,
    wasResent: false,
  }
}

/** Whether the block `transfer.next` exists and may be sent without waiting for an ACK. */
export function hasSendWindow(transfer: Transfer): boolean {
  return (
    !transfer.isNegotiating &&
    transfer.next <= transfer.acked + transfer.windowBlocks &&
    transfer.next <= transfer.last
  )
}

/** Notes that the block `transfer.next` was sent with so many octets of the file. */
export function recordSent(transfer: Transfer, octets: number): void {
  if (octets < transfer.blockOctets) transfer.last = transfer.next
  if (transfer.next > transfer.highest) transfer.highest = transfer.next
  else transfer.retransmissions++
  transfer.next++
}

/** @param block the number on the wire, 0 to 65535 */
export function acknowledge(transfer: Transfer, block: number): Step {
  if (transfer.isNegotiating) {
    if (block !== 0) return 'ignore'
    transfer.isNegotiating = false
    transfer.timeouts = 0
    transfer.silentMs = 0
    return beginWindow(transfer)
  }
  const ahead = (block - transfer.acked) & 0xffff
  if (ahead === 0) {
    // The ACK before this window again. Of one block it is a duplicate (RFC 1123 §4.2.3.1); of more it may say
    // that the first was lost.
    const wasSent = transfer.windowBlocks > 1 && transfer.next > transfer.acked + 1
    return wasSent && mayBeGap(transfer) ? resendWindow(transfer) : 'ignore'
  }
  // Older than the window, or of a block that was never sent.
  if (ahead > transfer.highest - transfer.acked) return 'ignore'
  transfer.acked += ahead
  if (transfer.acked === transfer.last) return 'done'
  transfer.timeouts = 0
  transfer.silentMs = 0
  if (transfer.acked >= transfer.next - 1) {
    transfer.next = transfer.acked + 1
    return beginWindow(transfer)
  }
  // RFC 7440 §4: an ACK inside the window says that the next block was lost, so sending goes on from there.
  return mayBeGap(transfer) ? resendWindow(transfer) : 'send'
}

/**
 * Whether an ACK that is not that of a whole window speaks of a lost block. It may as well be the echo of a
 * block that came twice: clients answer every block out of order with their last ACK (RFC 7440 leaves it
 * open; EDK II, which OVMF is built from, does so). To answer echoes would bring more of them, for the rest of
 * the file; so none is believed in a window that was resent, nor in the next, where they still come in.
 */
function mayBeGap({ isResent, wasResent }: Transfer): boolean {
  return !isResent && !wasResent
}

function resendWindow(transfer: Transfer): Step {
  transfer.isResent = true
  transfer.next = transfer.acked + 1
  return 'send'
}

function beginWindow(transfer: Transfer): Step {
  transfer.wasResent = transfer.isResent
  transfer.isResent = false
  return 'send'
}

/** Milliseconds to wait for an ACK before calling {@link expire}: what the client asked for (RFC 2349), else with back-off. */
export function timeoutMs({ timeoutSeconds, timeouts }: Transfer): number {
  if (timeoutSeconds !== undefined) return timeoutSeconds * 1000
  return Math.min(firstTimeoutMs * 2 ** timeouts, longestTimeoutMs)
}

/** Nothing came for {@link timeoutMs}: the OACK or the whole window goes out again, or the client is gone. */
export function expire(transfer: Transfer): Step {
  transfer.silentMs += timeoutMs(transfer)
  transfer.timeouts++
  if (transfer.timeouts >= leastTimeouts && transfer.silentMs >= retransmitTimeoutMs) return 'gaveUp'
  if (transfer.isNegotiating) transfer.retransmissions++
  return resendWindow(transfer)
}

/**
 * Whether an ERROR of the client says that it only wanted to know the size: it came instead of ACK 0. OVMF
 * sends code 8, "User aborted the transfer" (fixture ovmf-probe); older boot ROMs send code 0, "TFTP Aborted".
 */
export function isProbe(transfer: Transfer, code: number): boolean {
  return transfer.isNegotiating && (code === ErrorCode.optionNegotiation || code === ErrorCode.notDefined)
}
