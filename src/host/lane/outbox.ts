/**
 * What a lane reports to the main thread: counts, log lines, and messages. They are sent together, so that a flood of
 * queries costs the main thread a hundred messages a second and not one for each query.
 */
import type { CapturedFrame } from '../capture/recorder.ts'
import { Counters, type Taken } from '../counters.ts'
import type { HostCode } from '../codes.ts'
import type { Log, LogLevel } from '../log.ts'
import { slots } from './batch.ts'

export type LogLine = {
  readonly level: LogLevel
  readonly facts: Readonly<Record<string, unknown>>
  readonly message: string
}

/** One message to the main thread. */
export type Report<Message> = {
  readonly counts: Taken | undefined
  readonly lines: readonly LogLine[]
  readonly messages: readonly Message[]
  /** Frames of a packet capture. */
  readonly frames?: readonly CapturedFrame[]
}

export type Outbox<Message> = {
  readonly counters: Counters
  readonly log: Log
  /** @returns false if the main thread has too many unread messages; then the message is not added */
  readonly add: (message: Message) => boolean
  /** Adds a frame of a packet capture, which waits for the next report. */
  readonly capture: (captured: CapturedFrame) => void
  hasMessages(): boolean
  /** Whether the main thread has too many unread messages. */
  readonly isFull: () => boolean
  /** Returns what was collected since the last call; nothing if there is nothing. */
  take(): Report<Message> | undefined
}

/** Log lines of one report; the log would omit further ones too. */
const maxLines = 500

/** Frames of one report: more than a machine causes in that time, so that a flood does not fill the memory. */
const maxFrames = 2000

/** A batch that was received before there were too many can add its messages: at most four for each datagram. */
const maxOfBatch = 4 * slots

/**
 * @param isDebug whether the log of the main thread writes debug lines
 * @param unread one shared number, which the main thread decreases for each message that it has read
 * @param maxUnread how many messages may be unread, because the main thread is busy; each has up to 1 KiB
 */
export function createOutbox<Message>(
  isDebug: boolean,
  unread: Int32Array,
  maxUnread: number,
): Outbox<Message> {
  const counters = new Counters()
  let lines: LogLine[] = []
  let messages: Message[] = []
  let frames: CapturedFrame[] = []
  let omitted = 0

  const count = () => Atomics.load(unread, 0)
  const isFull = () => count() >= maxUnread
  const line = (level: LogLevel): Log[LogLevel] => {
    return (facts, message) => {
      if (lines.length < maxLines) lines.push({ level, facts, message })
      else omitted++
    }
  }
  const log: Log = {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    for: () => log,
    isDebug: () => isDebug,
  }

  return {
    counters,
    log,
    isFull,
    add(message) {
      if (count() >= maxUnread + maxOfBatch) return false
      Atomics.add(unread, 0, 1)
      messages.push(message)
      return true
    },
    capture(captured) {
      if (frames.length < maxFrames) frames.push(captured)
    },
    hasMessages: () => messages.length > 0,
    take() {
      if (omitted > 0) {
        const code: HostCode = 'server.log-lines-omitted'
        lines.push({ level: 'warn', facts: { code, count: omitted }, message: 'log lines omitted' })
      }
      const counts = counters.take()
      const isEmpty = lines.length === 0 && messages.length === 0 && frames.length === 0
      if (counts === undefined && isEmpty) return undefined
      const report = { counts, lines, messages, ...(frames.length > 0 && { frames }) }
      frames = []
      lines = []
      messages = []
      omitted = 0
      return report
    },
  }
}
