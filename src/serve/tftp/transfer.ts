/**
 * One transfer as a state machine without sockets, files or time: what an ACK, a timeout or an ERROR
 * means for it (RFC 1350 §2 and §6, RFC 7440 §4). Blocks are counted from 1 without end; only on the
 * wire they roll over from 65535 to 0.
 *
 * What keeps a delayed ACK from doubling all that follows (the sorcerer's apprentice, RFC 1123 §4.2.3.1):
 * an ACK is answered only when it moves the transfer on.
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
const patienceMs = 30_000
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
export function maySend(transfer: Transfer): boolean {
  return (
    !transfer.isNegotiating &&
    transfer.next <= transfer.acked + transfer.windowBlocks &&
    transfer.next <= transfer.last
  )
}

/** Notes that the block `transfer.next` was sent with so many octets of the file. */
export function noteSent(transfer: Transfer, octets: number): void {
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
    return moveOn(transfer)
  }
  const ahead = (block - transfer.acked) & 0xffff
  if (ahead === 0) return repeatAfterGap(transfer)
  // Older than the window, or of a block that was never sent.
  if (ahead > transfer.highest - transfer.acked) return 'ignore'
  transfer.acked += ahead
  if (transfer.acked === transfer.last) return 'done'
  // RFC 7440 §4: an ACK inside the window says that the rest was lost; sending goes on from there.
  const isInside = transfer.acked < transfer.next - 1
  const step = moveOn(transfer)
  transfer.isResent = isInside
  transfer.next = transfer.acked + 1
  return step
}

/**
 * The ACK that opened this window came again. With a window of one block it is a duplicate and must not be
 * answered (RFC 1123 §4.2.3.1). With a larger one it may say that the first block was lost, so the window is
 * sent again at once, but only if neither it nor the one before was resent already: those make a client
 * repeat its ACK for every block (OVMF does), and answering that would never end.
 */
function repeatAfterGap(transfer: Transfer): Step {
  const mayBeGap =
    transfer.windowBlocks > 1 &&
    transfer.next > transfer.acked + 1 &&
    !transfer.isResent &&
    !transfer.wasResent
  if (!mayBeGap) return 'ignore'
  transfer.isResent = true
  transfer.next = transfer.acked + 1
  return 'send'
}

function moveOn(transfer: Transfer): Step {
  transfer.wasResent = transfer.isResent
  transfer.isResent = false
  transfer.timeouts = 0
  transfer.silentMs = 0
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
  if (transfer.timeouts >= leastTimeouts && transfer.silentMs >= patienceMs) return 'gaveUp'
  transfer.isResent = true
  if (transfer.isNegotiating) transfer.retransmissions++
  else transfer.next = transfer.acked + 1
  return 'send'
}

/**
 * Whether an ERROR of the client says that it only wanted to know the size: it came instead of ACK 0. OVMF
 * sends code 8, "User aborted the transfer" (fixture ovmf-probe); older boot ROMs send code 0, "TFTP Aborted".
 */
export function isProbe(transfer: Transfer, code: number): boolean {
  return transfer.isNegotiating && (code === ErrorCode.optionNegotiation || code === ErrorCode.notDefined)
}
