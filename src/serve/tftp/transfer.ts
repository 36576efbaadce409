/**
 * One transfer as a state machine without sockets, files, or time: its reaction to an ACK, a timeout, or an ERROR
 * (RFC 1350 §2 and §6, RFC 7440 §4). Blocks are counted from 1 without limit; only on the wire do they roll over
 * from 65535 to 0.
 *
 * To prevent the Sorcerer's Apprentice Syndrome (RFC 1123 §4.2.3.1), only an ACK of a new block leads to new blocks.
 * Blocks are sent again after a timeout, at once for a gap, or after a short wait if it is unclear whether an ACK means a gap.
 */
import { ErrorCode } from '../../proto/tftp/packet.ts'
import { defaultLimits, type Agreement } from './request.ts'

export type Transfer = {
  readonly blockOctets: number
  readonly windowBlocks: number
  readonly timeoutSeconds: number | undefined
  /** An OACK was sent, and its ACK 0 has not arrived (RFC 2347). */
  isNegotiating: boolean
  /** The highest block that the client has acknowledged. */
  acked: number
  /** The block to send next. */
  next: number
  /** The highest block ever sent. */
  highest: number
  /** The block that ends the file; `Infinity` until it was sent for the first time. */
  last: number
  /** Timeouts since the last progress. */
  timeouts: number
  /** The duration of those timeouts, in milliseconds. */
  silentMs: number
  /** Blocks and OACKs sent more than once. */
  retransmissions: number
  /** Whether the current window, and the one before it, were sent again in whole or in part. */
  isResent: boolean
  wasResent: boolean
  /** Whether an ACK may have meant a gap, so that the next timeout is a short one. */
  isDoubtful: boolean
  /** The last block for which that was so: each block number causes one short timeout. */
  lastDoubt: number
  /** The time from sending to the ACK, smoothed, in milliseconds; set by the owner of the clock. */
  roundTripMs: number
  /** After this time without progress the transfer ends. */
  readonly maxSilentMs: number
}

/** `send`: send blocks (or the OACK) now. `wait`: only the timeout changed. `ignore`: nothing changed. */
export type Step = 'send' | 'wait' | 'ignore' | 'done' | 'gaveUp'

const firstTimeoutMs = 1000
const maxTimeoutMs = 8000
/** Bounds of the wait after a doubtful ACK, which is four round trips. */
const [minDoubtMs, maxDoubtMs] = [10, 200]
/**
 * A client that acknowledged nothing repeats its request. If a forger sent the request, each retransmission goes to
 * a victim.
 */
const maxUnacknowledgedMs = 20_000
/** The minimum number of retransmissions before giving up, whatever timeout the client requested. */
const minTimeouts = 3

export function beginTransfer(agreement: Agreement, { maxSilentMs } = defaultLimits): Transfer {
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
    isDoubtful: false,
    lastDoubt: -1,
    roundTripMs: 0,
    maxSilentMs,
  }
}

/** Returns whether the block `transfer.next` exists and can be sent without waiting for an ACK. */
export function hasSendWindow(transfer: Transfer): boolean {
  return (
    !transfer.isNegotiating &&
    transfer.next <= transfer.acked + transfer.windowBlocks &&
    transfer.next <= transfer.last
  )
}

/** Records that the block `transfer.next` was sent with `octets` of the file. */
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
    // The ACK before this window again. With a window of one block it is a duplicate (RFC 1123 §4.2.3.1); with a
    // larger window the first block can be lost.
    const wasSent = transfer.windowBlocks > 1 && transfer.next > transfer.acked + 1
    if (!wasSent) return 'ignore'
    return mayBeGap(transfer) ? resendForGap(transfer) : doubt(transfer, 'ignore')
  }
  // Older than the window, or for a block that was never sent.
  if (ahead > transfer.highest - transfer.acked) return 'ignore'
  transfer.acked += ahead
  transfer.isDoubtful = false
  if (transfer.acked === transfer.last) return 'done'
  transfer.timeouts = 0
  transfer.silentMs = 0
  if (transfer.acked >= transfer.next - 1) {
    transfer.next = transfer.acked + 1
    return beginWindow(transfer)
  }
  // RFC 7440 §4: an ACK inside the window means that the next block was lost; send again from there.
  return mayBeGap(transfer) ? resendForGap(transfer) : doubt(transfer, 'send')
}

/**
 * Returns whether an ACK inside a window can mean a lost block. It can also be caused by a block that arrived twice:
 * clients answer every block out of order with their last ACK (RFC 7440 does not specify this; EDK II, the base of
 * OVMF, does it). Resending at once for such ACKs would cause more of them for the rest of the file. So ACKs of a resent
 * window and of the next one, in which they still arrive, are doubtful.
 */
function mayBeGap({ isResent, wasResent }: Transfer): boolean {
  return !isResent && !wasResent
}

/** Lets a doubtful ACK shorten the timeout, once for each block number: if blocks were lost, no progress follows. */
function doubt(transfer: Transfer, otherwise: Step): Step {
  if (transfer.acked <= transfer.lastDoubt) return otherwise
  transfer.lastDoubt = transfer.acked
  transfer.isDoubtful = true
  return otherwise === 'ignore' ? 'wait' : otherwise
}

function resendForGap(transfer: Transfer): Step {
  transfer.lastDoubt = transfer.acked
  return resendWindow(transfer)
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

/** Returns how long to wait for an ACK before calling {@link expire}: the client's timeout (RFC 2349), else a back-off. */
export function timeoutMs({ timeoutSeconds, timeouts, isDoubtful, roundTripMs }: Transfer): number {
  if (isDoubtful) return Math.min(Math.max(4 * roundTripMs, minDoubtMs), maxDoubtMs)
  if (timeoutSeconds !== undefined) return timeoutSeconds * 1000
  return Math.min(firstTimeoutMs * 2 ** timeouts, maxTimeoutMs)
}

/** Sends the OACK or the window again before the timeout: the client repeated its request. */
export function sendAgain(transfer: Transfer): Step {
  if (transfer.isNegotiating) transfer.retransmissions++
  return resendWindow(transfer)
}

/** Reacts to a missing ACK after {@link timeoutMs}: sends the OACK or the window again, or gives up. */
export function expire(transfer: Transfer): Step {
  if (transfer.isDoubtful) {
    transfer.isDoubtful = false
    return resendWindow(transfer)
  }
  transfer.silentMs += timeoutMs(transfer)
  transfer.timeouts++
  const maxMs = transfer.acked === 0 ? maxUnacknowledgedMs : Infinity
  const hasGivenUp = transfer.silentMs >= Math.min(transfer.maxSilentMs, maxMs)
  if (transfer.timeouts >= minTimeouts && hasGivenUp) return 'gaveUp'
  if (transfer.isNegotiating) transfer.retransmissions++
  return resendWindow(transfer)
}

/**
 * Returns whether an ERROR in place of ACK 0 means that the client requested only the size. OVMF sends code 8,
 * "User aborted the transfer" (fixture ovmf-probe); older boot ROMs send code 0, "TFTP Aborted".
 */
export function isProbe(transfer: Transfer, code: number): boolean {
  return transfer.isNegotiating && (code === ErrorCode.optionNegotiation || code === ErrorCode.notDefined)
}
