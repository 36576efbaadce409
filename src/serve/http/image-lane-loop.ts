/**
 * The loop of the lane for images: waits until a connection accepts more (epoll(7)), and lets the kernel copy a piece of
 * the file to it (sendfile(2)). The main thread owns all descriptors and closes them after the message that a transfer
 * has ended.
 */
import { fstatSync } from 'node:fs'
import { constants } from 'node:os'
import { eventLayout } from '../../host/lane/event-ports.ts'
import { linux, systemError } from '../../host/lane/libc.ts'
import { createMailbox, idleMs, type MailboxOptions } from '../../host/lane/mailbox.ts'
import type { Outbox } from '../../host/lane/outbox.ts'
import { versionOf } from '../../host/shared-files.ts'

/** A part of a file that is sent on a connection. */
export type SendMessage = {
  readonly kind: 'send'
  /** Identifies the transfer until it has ended. */
  readonly slot: number
  readonly connection: number
  readonly file: number
  /** The content that the header describes: a file that changes is not sent any further. */
  readonly version: string
  /** Offset of the first byte, and the offset after the last one. */
  readonly from: number
  readonly to: number
}

/** What the main thread sends to the lane. */
export type ImageLaneRequest =
  | { readonly kind: 'start'; readonly epoll: number }
  | SendMessage
  | { readonly kind: 'cancel'; readonly slot: number }

/** What the lane sends: `reason` is absent if all of the part was handed to the system. */
export type ImageLaneReport =
  { readonly kind: 'ready' } | { readonly kind: 'ended'; readonly slot: number; readonly reason?: string }

/** What the lane gets at its start. */
export type ImageLaneData = {
  /** Bytes of each transfer that were handed to the system, by slot: 64 bits each. */
  readonly progress: SharedArrayBuffer
}

export type ImageLaneLoop = {
  /** Sends a piece on each connection that accepts it, and waits for one of them. @returns false after the stop message */
  round(): boolean
}

type Transfer = Omit<SendMessage, 'kind' | 'from'> & { at: number; readonly from: number }

/**
 * The kernel copies that much in one call if the connection accepts it. With 8 MiB, a transfer used two thirds of the
 * processor time that pieces of 1 MiB used (docs/decisions/0044).
 */
const pieceBytes = 8 * 1024 * 1024
const maxEvents = 64
const layout = eventLayout(process.arch)
const wakeSlot = 0xffff_ffff

export function createImageLaneLoop(
  options: Omit<MailboxOptions, 'outbox' | 'receive'> & {
    readonly data: ImageLaneData
    readonly outbox: Outbox<ImageLaneReport>
  },
): ImageLaneLoop {
  const { libc, setup, outbox } = options
  const mailbox = createMailbox({
    ...options,
    receive: (message) => receive(message as ImageLaneRequest),
  })
  const progress = new BigInt64Array(options.data.progress)
  const transfers = new Map<number, Transfer>()
  const events = new Uint8Array(maxEvents * layout.octets)
  const eventsAddress = libc.address(events)
  const view = new DataView(events.buffer)
  const event = new Uint8Array(layout.octets)
  const eventView = new DataView(event.buffer)
  const offset = new BigInt64Array(1)
  const offsetBytes = new Uint8Array(offset.buffer)
  let epoll = -1

  function watch(fd: number, slot: number, flags: number): boolean {
    eventView.setUint32(0, flags, true)
    eventView.setUint32(layout.dataAt, slot, true)
    return libc.epoll_ctl(epoll, linux.EPOLL_CTL_ADD, fd, event) === 0
  }

  function end({ slot, connection }: Transfer, reason?: string): void {
    transfers.delete(slot)
    libc.epoll_ctl(epoll, linux.EPOLL_CTL_DEL, connection, event)
    outbox.add({ kind: 'ended', slot, ...(reason !== undefined && { reason }) })
  }

  function receive(message: ImageLaneRequest): void {
    switch (message.kind) {
      case 'start':
        epoll = message.epoll
        watch(setup.wakeFd, wakeSlot, linux.EPOLLIN)
        outbox.add({ kind: 'ready' })
        return
      case 'send': {
        const transfer = { ...message, at: message.from }
        transfers.set(message.slot, transfer)
        if (!watch(message.connection, message.slot, linux.EPOLLOUT))
          end(transfer, systemError('epoll_ctl', libc.errno()).message)
        return
      }
      case 'cancel': {
        const transfer = transfers.get(message.slot)
        if (transfer !== undefined) end(transfer, 'canceled')
      }
    }
  }

  function send(transfer: Transfer): void {
    const problem = problemOf(transfer)
    if (problem !== undefined) {
      end(transfer, problem)
      return
    }
    const rest = transfer.to - transfer.at
    // The last byte is sent after the check that follows all others.
    const count = rest > 1 && rest <= pieceBytes ? rest - 1 : Math.min(rest, pieceBytes)
    offset[0] = BigInt(transfer.at)
    const sent = libc.sendfile(transfer.connection, transfer.file, offsetBytes, count)
    if (sent > 0) {
      transfer.at += sent
      Atomics.store(progress, transfer.slot, BigInt(transfer.at - transfer.from))
      if (transfer.at === transfer.to) end(transfer)
      return
    }
    const errno = libc.errno()
    if (sent === 0) end(transfer, 'the file ended early')
    else if (errno !== constants.errno.EAGAIN && errno !== constants.errno.EINTR)
      end(transfer, systemError('sendfile', errno).message)
  }

  return {
    round() {
      mailbox.begin()
      mailbox.report()
      if (mailbox.isStopped()) return false
      const count = libc.epoll_wait(epoll, eventsAddress, maxEvents, idleMs)
      for (let index = 0; index < count; index++) {
        // The next round reads the messages of the main thread.
        const transfer = transfers.get(view.getUint32(index * layout.octets + layout.dataAt, true))
        if (transfer !== undefined) send(transfer)
      }
      return true
    },
  }
}

/** Returns why nothing more of a file may be sent. */
function problemOf({ file, version }: Transfer): string | undefined {
  try {
    const isSame = versionOf(fstatSync(file, { bigint: true })) === version
    return isSame ? undefined : 'the file changed while it was being sent'
  } catch (error) {
    return (error as Error).message
  }
}
