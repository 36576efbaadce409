/** The messages between a lane and the main thread: reads those of the main thread, and sends reports. */
import { isCaptureMessage, type Recording } from '../capture/recording.ts'
import { createRecorder, type CaptureFilter, type SocketAddress } from '../capture/recorder.ts'
import type { Clock } from '../clock.ts'
import type { Libc } from './libc.ts'
import type { Outbox } from './outbox.ts'

/** What the main thread gives to a new lane. */
export type LaneSetup = {
  readonly sockets: readonly LaneSocketSetup[]
  /** An eventfd that the main thread writes after each message. */
  readonly wakeFd: number
  /** Three numbers of 32 bits: see {@link controlIndex}. */
  readonly control: SharedArrayBuffer
  readonly isDebug: boolean
}

type LaneSocketSetup = {
  readonly fd: number
  readonly local: SocketAddress
  readonly sendBufferOctets: number
  /** Index of the socket that sends the replies. */
  readonly replies: number
}

export const controlIndex = {
  /** Increased by the main thread after each message. */
  sent: 0,
  /** Increased by the lane in each round, at least every second. */
  rounds: 1,
  /** Messages of the lane that the main thread has not read. */
  unread: 2,
} as const

export const stopMessage = 'stop'

/** How long a round waits at most. */
export const idleMs = 1000

/** How often counts and log lines are sent. Messages are sent in each round. */
export const reportMs = 50

export type Mailbox = {
  /** Begins a round: shows the main thread that the lane runs, and reads its messages. @returns whether there were any */
  begin(): boolean
  /** Sends what is due. @returns whether something waits for its report */
  report(): boolean
  /** Whether the message {@link stopMessage} has arrived. */
  isStopped(): boolean
}

export type MailboxOptions = {
  readonly libc: Libc
  readonly setup: LaneSetup
  readonly outbox: Pick<Outbox<unknown>, 'hasMessages' | 'take' | 'capture'>
  readonly clock: Pick<Clock, 'monotonic' | 'now'>
  /** Returns the next message of the main thread. */
  readonly nextMessage: () => { readonly message: unknown } | undefined
  readonly send: (report: unknown) => void
  /** Handles a message of the main thread. */
  readonly receive: (message: unknown) => void
  /** What the sockets of the thread look at. */
  readonly recording: Recording
}

export function createMailbox(options: MailboxOptions): Mailbox {
  const { libc, setup, outbox, clock, recording } = options
  const control = new Int32Array(setup.control)
  const wakeValue = new Uint8Array(8)
  let messages = 0
  let reportedAt = clock.monotonic()
  let isStopped = false

  function setCapture(filter: CaptureFilter | null): void {
    const now = () => clock.now()
    recording.recorder = filter === null ? undefined : createRecorder(filter, now, outbox.capture)
  }

  return {
    begin() {
      Atomics.add(control, controlIndex.rounds, 1)
      const sent = Atomics.load(control, controlIndex.sent)
      if (sent === messages) return false
      messages = sent
      libc.read(setup.wakeFd, wakeValue, wakeValue.length)
      for (let next = options.nextMessage(); next !== undefined; next = options.nextMessage()) {
        if (next.message === stopMessage) isStopped = true
        else if (isCaptureMessage(next.message)) setCapture(next.message.capture)
        else options.receive(next.message)
      }
      return true
    },
    report() {
      const now = clock.monotonic()
      if (now - reportedAt < reportMs && !outbox.hasMessages() && !isStopped) return true
      const report = outbox.take()
      if (report === undefined) return false
      reportedAt = now
      options.send(report)
      return false
    },
    isStopped: () => isStopped,
  }
}
