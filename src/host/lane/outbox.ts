/**
 * What a lane reports to the main thread: counts, log lines, and messages. They are sent together, so that a flood of
 * queries costs the main thread a hundred messages a second and not one for each query.
 */
import { Counters, type Taken } from '../counters.ts'
import type { HostCode } from '../codes.ts'
import type { Log, LogLevel } from '../log.ts'

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
}

export type Outbox<Message> = {
  readonly counters: Counters
  readonly log: Log
  /** @returns false if the main thread has too many unread messages; then the message is not added */
  readonly add: (message: Message) => boolean
  hasMessages(): boolean
  /** Returns what was collected since the last call; nothing if there is nothing. */
  take(): Report<Message> | undefined
}

/** Log lines of one report; the log would omit further ones too. */
const maxLines = 500

/** Messages that the main thread has not read, as it may be busy; about 1 MiB. */
const maxUnread = 2000

/**
 * @param isDebug whether the log of the main thread writes debug lines
 * @param unread one shared number, which the main thread decreases for each message that it has read
 */
export function createOutbox<Message>(isDebug: boolean, unread: Int32Array): Outbox<Message> {
  const counters = new Counters()
  let lines: LogLine[] = []
  let messages: Message[] = []
  let omitted = 0

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
    add(message) {
      if (Atomics.load(unread, 0) >= maxUnread) return false
      Atomics.add(unread, 0, 1)
      messages.push(message)
      return true
    },
    hasMessages: () => messages.length > 0,
    take() {
      if (omitted > 0) {
        const code: HostCode = 'server.log-lines-omitted'
        lines.push({ level: 'warn', facts: { code, count: omitted }, message: 'log lines omitted' })
      }
      const counts = counters.take()
      if (counts === undefined && lines.length === 0 && messages.length === 0) return undefined
      const report = { counts, lines, messages }
      lines = []
      messages = []
      omitted = 0
      return report
    },
  }
}
