/**
 * The loop of a lane whose program opens ports, reads files, and sets timers: after each batch of datagrams, the event
 * loop of the thread has one turn.
 */
import { createMailbox, idleMs, reportMs, type MailboxOptions } from './mailbox.ts'
import type { EventPorts } from './event-ports.ts'

/** How long a round waits at most while the program works: timers and files do not end a wait. */
const busyMs = 2

/** How many rounds in a row do not wait while files are opened: most are open within them. */
const maxPolls = 20

/** How long rounds with input do without a turn of the event loop. */
const turnMs = 1

/** How long a round waits while the main thread is behind. */
const behindMs = 1

export type EventLoopOptions = MailboxOptions & {
  readonly ports: Pick<EventPorts, 'wait'>
  readonly outbox: { readonly isFull: () => boolean }
  /** Whether timers can expire soon. */
  readonly isBusy: () => boolean
  /** Whether files are being opened. */
  readonly isOpening: () => boolean
  /** Resolves after one turn of the event loop. */
  readonly turn: () => Promise<void>
}

export function createEventLoop(options: EventLoopOptions): {
  /** Runs one round. Resolves with false after the message to stop. */
  round(): Promise<boolean>
} {
  const { ports, outbox, clock, isBusy, isOpening, turn } = options
  const mailbox = createMailbox(options)
  const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  let polls = 0
  let turnedAt = clock.monotonic()
  let isPending = false

  /** Waits for datagrams. @returns whether there were any */
  function wait(hasMessages: boolean): boolean {
    if (outbox.isFull()) {
      Atomics.wait(never, 0, 0, behindMs)
      return false
    }
    const isPolling = isOpening() && polls++ < maxPolls
    const idle = isPending ? reportMs : idleMs
    return ports.wait(hasMessages || isPolling ? 0 : isBusy() ? busyMs : idle) > 0
  }

  return {
    async round() {
      // What a message starts continues in the next turn.
      const hasInput = wait(mailbox.begin())
      if (hasInput) polls = 0
      const now = clock.monotonic()
      if (!hasInput || now - turnedAt >= turnMs) {
        turnedAt = now
        await turn()
      }
      isPending = mailbox.report()
      return !mailbox.isStopped()
    },
  }
}
