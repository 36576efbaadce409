/** A transfer under way: the state machine, a file and a clock joined on a port of their own (RFC 1350 §4). */
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
import { cutIntoBlocks } from './blocks.ts'
import { CannotRead, type ServedFile } from './files.ts'
import { guarded } from './guard.ts'
import type { Agreement } from './negotiate.ts'
import {
  acknowledge,
  beginTransfer,
  expire,
  isProbe,
  hasSendWindow,
  recordSent,
  timeoutMs,
  type Step,
} from './transfer.ts'

export type Outcome =
  /** The last block was acknowledged. */
  | { readonly kind: 'finished' }
  /** The client only wanted to know the size. */
  | { readonly kind: 'probe' }
  | { readonly kind: 'failed'; readonly reason: string }

export type RunningTransfer = {
  /** Resolves when its port is closed and the file is not read any more. */
  readonly ended: Promise<Outcome>
  /** Octets of the file sent so far, each counted once, and blocks sent again. */
  readonly progress: () => { readonly octets: number; readonly retransmissions: number }
  /** Whether the client stopped answering after it had begun to. */
  readonly isQuiet: () => boolean
  /** Ends it; the client is told `message` in an ERROR packet. */
  readonly stop: (message: string) => void
  /** Ends it in silence, because the client began anew. */
  readonly abandon: () => void
}

export type RunOptions = {
  /** Used for this transfer only; closed when it ends. */
  readonly port: UdpPort
  readonly client: { readonly address: string; readonly port: number }
  readonly file: ServedFile
  readonly mode: 'octet' | 'netascii'
  readonly agreement: Agreement
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
}

export function runTransfer(options: RunOptions): RunningTransfer {
  const { port, client, file, mode, agreement, clock, counters } = options
  const transfer = beginTransfer(agreement)
  const blocks = cutIntoBlocks({ file, mode, blockOctets: agreement.blockOctets, ready, failed })
  /** The one buffer that every block of this transfer is sent from. */
  const datagram = new Uint8Array(dataHeaderOctets + agreement.blockOctets)
  let octets = 0
  let isWaitingForFile = false
  let lastSendError: Error | undefined
  /** When the client's silence counts as a timeout; the timer may ring earlier and is then set anew. */
  let deadline = 0
  let timer: { readonly rings: number; readonly timer: Timer } | undefined
  let isOver = false
  const { promise: ended, resolve: resolveEnded } = Promise.withResolvers<Outcome>()

  function send(packet: Uint8Array): void {
    // While blocks arrive, whether they could be sent needs no asking.
    port.send(packet, client.address, client.port, transfer.timeouts > 0 ? noteSendError : undefined)
  }

  function noteSendError(error: Error): void {
    lastSendError = error
  }

  function ready(): void {
    if (isWaitingForFile) sendMore()
  }

  function sendMore(): void {
    isWaitingForFile = false
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
    setDeadline()
  }

  function setDeadline(): void {
    deadline = clock.monotonic() + timeoutMs(transfer)
    if (timer !== undefined && timer.rings <= deadline) return
    timer?.timer.cancel()
    setTimer()
  }

  function setTimer(): void {
    timer = { rings: deadline, timer: clock.after(deadline - clock.monotonic(), ring) }
  }

  function ring(): void {
    timer = undefined
    if (clock.monotonic() < deadline) setTimer()
    // The client cannot acknowledge what the disk has not given.
    else if (isWaitingForFile) setDeadline()
    else carryOut(expire(transfer))
  }

  function carryOut(step: Step): void {
    if (step === 'send') sendMore()
    else if (step === 'done') end({ kind: 'finished' })
    else if (step === 'gaveUp') end({ kind: 'failed', reason: silence() })
  }

  /** What a client that stopped answering had got by then. */
  function silence(): string {
    const error = lastSendError === undefined ? '' : ` (${lastSendError.message})`
    if (transfer.isNegotiating || transfer.highest === 0) return `the client never answered${error}`
    if (transfer.highest === transfer.last) return `the client did not acknowledge the last block${error}`
    return `the client stopped answering after block ${transfer.acked}${error}`
  }

  function hear({ payload, address, port: from }: Datagram): void {
    if (isOver) return
    if (address !== client.address || from !== client.port) {
      refuseStranger(address, from)
      return
    }
    const packet = decodePacket(payload)
    if (packet.kind === 'ack') carryOut(acknowledge(transfer, packet.block))
    else if (packet.kind === 'error') endByClient(packet.code, packet.message)
    else counters.increment('tftp.unexpected')
  }

  /** RFC 1350 §4: "the originating port is sent an error packet and the transfer is not disturbed". */
  function refuseStranger(address: string, from: number): void {
    counters.increment('tftp.unknownTransferIds')
    const message = 'unknown transfer identifier'
    port.send(encodePacket({ kind: 'error', code: ErrorCode.unknownTransferId, message }), address, from)
  }

  function endByClient(code: number, message: string): void {
    const reason = `the client sent error ${code}: ${message.slice(0, 200)}`
    end(isProbe(transfer, code) ? { kind: 'probe' } : { kind: 'failed', reason })
  }

  function failed(error: Error): void {
    const code = error instanceof CannotRead ? error.code : ErrorCode.notDefined
    stop(error.message, code)
  }

  function stop(message: string, code: number = ErrorCode.notDefined): void {
    if (isOver) return
    send(encodePacket({ kind: 'error', code, message }))
    end({ kind: 'failed', reason: message })
  }

  function end(outcome: Outcome): void {
    isOver = true
    timer?.timer.cancel()
    blocks.close()
    void port.close().then(() => resolveEnded(outcome))
  }

  port.receive((batch) => {
    for (const each of batch) guarded(each, hear, options)
  })
  sendMore()

  return {
    ended,
    progress: () => ({ octets, retransmissions: transfer.retransmissions }),
    isQuiet: () => transfer.timeouts > 0 && transfer.acked > 0,
    stop,
    abandon() {
      if (!isOver) end({ kind: 'failed', reason: 'the client asked anew' })
    },
  }
}
