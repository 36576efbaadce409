/** A transfer in progress: connects the state machine with a file, a clock, and the transfer's port (RFC 1350 §4). */
import type { Clock, Timer } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Datagram, UdpPort } from '../../host/udp.ts'
import {
  dataHeaderOctets,
  decodePacket,
  encodePacket,
  ErrorCode,
  writeDataHeader,
} from '../../proto/tftp/packet.ts'
import { cutIntoBlocks, CannotRead, type ServedFile } from './files.ts'
import type { TftpCode } from './codes.ts'
import { handleSafely } from './transfer-ports.ts'
import type { Agreement, AgreementLimits } from './request.ts'
import {
  acknowledge,
  beginTransfer,
  expire,
  isProbe,
  hasSendWindow,
  recordSent,
  sendAgain,
  timeoutMs,
  type Step,
} from './transfer.ts'

export type TransferOutcome =
  /** The client acknowledged the last block. */
  | { readonly kind: 'finished' }
  /** The client requested only the size. */
  | { readonly kind: 'probe' }
  | { readonly kind: 'failed'; readonly code: TftpCode; readonly reason: string }

export type ActiveTransfer = {
  /** Resolves when the port is closed and the file is no longer read. */
  readonly ended: Promise<TransferOutcome>
  /** Bytes of the file sent up to now, each counted once, and blocks sent again. */
  readonly progress: () => { readonly octets: number; readonly retransmissions: number }
  /** Whether the client stopped responding after its first ACK. */
  readonly isUnresponsive: () => boolean
  /**
   * Reacts to the same request again: sends the first packets again if none is acknowledged.
   *
   * @returns false when the client starts again: it stopped responding after its first ACK
   */
  readonly repeat: () => boolean
  /** Whether the client has acknowledged anything, which shows that it is at that address. */
  readonly isAcknowledged: () => boolean
  /** Ends it and sends `message` to the client in an ERROR packet. */
  readonly stop: (message: string) => void
  /** Ends it without an ERROR packet. */
  readonly abandon: (why: AbandonReason) => void
}

/** `restarted`: the client sent a new request. `replaced`: another transfer needs its slot. */
export type AbandonReason = 'restarted' | 'replaced'

const abandonReasons: Readonly<Record<AbandonReason, { readonly code: TftpCode; readonly reason: string }>> =
  {
    restarted: { code: 'tftp.client-restarted', reason: 'the client sent a new request' },
    replaced: {
      code: 'tftp.never-acknowledged',
      reason: 'the client acknowledged nothing, and another request needed the slot',
    },
  }

export type ActiveTransferOptions = {
  /** Used only for this transfer; closed when it ends. */
  readonly port: UdpPort
  readonly client: { readonly address: string; readonly port: number }
  readonly file: ServedFile
  readonly mode: 'octet' | 'netascii'
  readonly agreement: Agreement
  readonly limits?: AgreementLimits
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
}

/**
 * The same request within this time after another packet is a duplicate from the network. Clients wait longer
 * before they repeat a request, and forgers get fewer answers than requests.
 */
const minRepeatMs = 200

export function startTransfer(options: ActiveTransferOptions): ActiveTransfer {
  const { port, client, file, mode, agreement, clock, counters } = options
  const transfer = beginTransfer(agreement, options.limits)
  const blocks = cutIntoBlocks({ file, mode, blockOctets: agreement.blockOctets, ready, failed })
  /** The buffer for all blocks of this transfer. */
  const datagram = new Uint8Array(dataHeaderOctets + agreement.blockOctets)
  let octets = 0
  let isWaitingForFile = false
  let lastSendError: Error | undefined
  let isConnected = false
  /** When a missing ACK counts as a timeout; a timer that fires earlier is set again. */
  let deadline = 0
  let timer: { readonly firesAt: number; readonly timer: Timer } | undefined
  let hasEnded = false
  let isAcknowledged = false
  let sentAt = clock.monotonic()
  let lastAckAt = sentAt
  const { promise: ended, resolve: resolveEnded } = Promise.withResolvers<TransferOutcome>()

  function send(packet: Uint8Array): void {
    // Errors matter only when ACKs are missing.
    port.send(packet, client.address, client.port, transfer.timeouts > 0 ? keepSendError : undefined)
  }

  function keepSendError(error: Error): void {
    lastSendError = error
  }

  function ready(): void {
    if (isWaitingForFile) sendMore()
  }

  function sendMore(): void {
    isWaitingForFile = false
    sentAt = clock.monotonic()
    if (transfer.isNegotiating) send(encodePacket({ kind: 'oack', options: agreement.granted }))
    while (hasSendWindow(transfer)) {
      const block = transfer.next
      const count = blocks.copy(block, transfer.acked + 1, datagram, dataHeaderOctets)
      if (count === undefined) {
        isWaitingForFile = true
        break
      }
      writeDataHeader(datagram, block)
      send(count === agreement.blockOctets ? datagram : datagram.subarray(0, dataHeaderOctets + count))
      if (block > transfer.highest) octets += count
      recordSent(transfer, count)
    }
    setDeadline(sentAt)
  }

  function setDeadline(now: number): void {
    deadline = now + timeoutMs(transfer)
    if (timer !== undefined && timer.firesAt <= deadline) return
    timer?.timer.cancel()
    setTimer()
  }

  function setTimer(): void {
    timer = { firesAt: deadline, timer: clock.after(deadline - clock.monotonic(), onTimer) }
  }

  function onTimer(): void {
    timer = undefined
    if (clock.monotonic() < deadline) setTimer()
    // The client cannot acknowledge blocks that were not read yet.
    else if (isWaitingForFile) setDeadline(clock.monotonic())
    else perform(reportingRefusals(expire(transfer)))
  }

  /**
   * From the first time-out on, the host of the client reports if the client has closed its port. Until then, other senders
   * get an ERROR (RFC 1350 §4), for which the socket must receive their packets.
   */
  function reportingRefusals(step: Step): Step {
    if (transfer.timeouts > 0 && !isConnected) {
      isConnected = true
      port.connect?.(client.address, client.port, onRefused)
    }
    return step
  }

  function onRefused(): void {
    const { address, port: closed } = client
    const why = `${address} reports that port ${closed} is closed (ICMP port unreachable)`
    if (!hasEnded) end({ kind: 'failed', code: 'tftp.client-gone', reason: `${explainTimeout()}: ${why}` })
  }

  function perform(step: Step): void {
    if (step === 'send') sendMore()
    else if (step === 'wait') setDeadline(clock.monotonic())
    else if (step === 'done') end({ kind: 'finished' })
    else if (step === 'gaveUp') end({ kind: 'failed', code: 'tftp.client-timeout', reason: explainTimeout() })
  }

  /** Explains how far the transfer was when the client stopped responding. */
  function explainTimeout(): string {
    const error = lastSendError === undefined ? '' : ` (${lastSendError.message})`
    if (transfer.isNegotiating || transfer.highest === 0) return `the client never responded${error}`
    if (transfer.highest === transfer.last) return `the client did not acknowledge the last block${error}`
    return `the client stopped responding after block ${transfer.acked}${error}`
  }

  function receive({ payload, address, port: from }: Datagram): void {
    if (hasEnded) return
    if (address !== client.address || from !== client.port) {
      refuseOtherSender(address, from)
      return
    }
    const packet = decodePacket(payload)
    if (packet.kind === 'ack') onAck(packet.block)
    else if (packet.kind === 'error') endByClient(packet.code, packet.message)
    else {
      counters.increment('tftp.unexpected')
      counters.refuse('tftp.unexpected-packet' satisfies TftpCode)
    }
  }

  function onAck(block: number): void {
    const before = transfer.acked
    const step = acknowledge(transfer, block)
    lastAckAt = clock.monotonic()
    if (step !== 'ignore') isAcknowledged = true
    if (transfer.acked > before) {
      const sample = lastAckAt - sentAt
      transfer.roundTripMs = transfer.roundTripMs === 0 ? sample : (7 * transfer.roundTripMs + sample) / 8
    }
    perform(step)
  }

  /** RFC 1350 §4: "the originating port is sent an error packet and the transfer is not disturbed". */
  function refuseOtherSender(address: string, from: number): void {
    counters.increment('tftp.unknownTransferIds')
    counters.refuse('tftp.unknown-transfer' satisfies TftpCode)
    const message = 'unknown transfer identifier'
    port.send(encodePacket({ kind: 'error', code: ErrorCode.unknownTransferId, message }), address, from)
  }

  function endByClient(code: number, message: string): void {
    const reason = `the client sent error ${code}: ${message.slice(0, 200)}`
    end(isProbe(transfer, code) ? { kind: 'probe' } : { kind: 'failed', code: 'tftp.client-error', reason })
  }

  function failed(error: Error): void {
    const errorCode = error instanceof CannotRead ? error.code : ErrorCode.notDefined
    stop(error.message, 'tftp.file-unreadable', errorCode)
  }

  function stop(message: string, code: TftpCode, errorCode: number = ErrorCode.notDefined): void {
    if (hasEnded) return
    send(encodePacket({ kind: 'error', code: errorCode, message }))
    end({ kind: 'failed', code, reason: message })
  }

  function end(outcome: TransferOutcome): void {
    hasEnded = true
    timer?.timer.cancel()
    blocks.close()
    void port.close().then(() => resolveEnded(outcome))
  }

  port.receive((batch) => {
    for (const each of batch) handleSafely(each, receive, options)
  })
  sendMore()

  return {
    ended,
    progress: () => ({ octets, retransmissions: transfer.retransmissions }),
    isUnresponsive: () => transfer.timeouts > 0 && isAcknowledged,
    repeat() {
      const now = clock.monotonic()
      if (isAcknowledged) return now - lastAckAt < minRepeatMs
      if (now - sentAt >= minRepeatMs && !isWaitingForFile) perform(sendAgain(transfer))
      return true
    },
    isAcknowledged: () => isAcknowledged,
    stop: (message) => stop(message, 'tftp.transfer-stopped'),
    abandon(why) {
      if (!hasEnded) end({ kind: 'failed', ...abandonReasons[why] })
    },
  }
}
