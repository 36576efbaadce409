/** The log: one JSON line per event on standard output, by pino. Constant event names, facts as fields. */
import { fstatSync, write, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { pino, type DestinationStream } from 'pino'
import { systemClock, type Clock, type Timer } from './clock.ts'
import type { HostCode } from './codes.ts'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]
type Line = (facts: Readonly<Record<string, unknown>>, message: string) => void

/**
 * The log of a service. All services use the same field names: `node` (`ocp45/m1`), `mac`, `address`, `client`
 * (`address:port` of the peer), `file`, `code`, `reason`, `octets`, `durationMs`, `err`.
 */
export type Log = Readonly<Record<LogLevel, Line>> & {
  /** Returns a log whose lines also have the field `service`. */
  for(service: string): Log
  isDebug(): boolean
}

/** The log of the process, which is flushed at its end. */
export type ProcessLog = Log & {
  /** Returns how many lines could not be written. */
  lost(): number
  /** Writes the waiting lines; gives up after a second. */
  flush(): Promise<void>
}

/** How often the log reports what it left out. */
const omittedEveryMs = 10_000
const flushLimitMs = 1000

/** Logs to a stream of the caller, each line at once and without a limit. */
export function createLog(level: LogLevel, stream: DestinationStream): Log {
  return adapt(newLogger(level, stream), () => true)
}

type ProcessLogOptions = {
  readonly clock?: Clock
  readonly destination?: LogDestination
  readonly format?: (line: string) => string
}

/** Logs to standard output, without ever blocking, and limits repeated lines. `format` converts each JSON line. */
export function createProcessLog(
  level: LogLevel = 'info',
  { clock = systemClock, destination = createLogDestination(1, clock), format }: ProcessLogOptions = {},
): ProcessLog {
  const write = (line: string): void => destination.write(format === undefined ? line : format(line))
  const logger = newLogger(level, { write })
  const limit = createLogLimit(clock)
  /** When lines were left out that were not reported yet. */
  let omittedAt: number | undefined

  function reportOmitted(): void {
    omittedAt = undefined
    for (const [event, count] of limit.takeOmitted()) {
      logger.warn({ code: 'server.log-lines-omitted' satisfies HostCode, event, count }, 'log lines omitted')
    }
  }

  process.once('exit', () => destination.flushAtExit())
  const admits = (message: string, facts: Readonly<Record<string, unknown>>): boolean => {
    const subject = typeof facts['node'] === 'string' ? facts['node'] : undefined
    const isAdmitted = limit.admits(message, subject)
    const now = clock.monotonic()
    if (!isAdmitted) omittedAt ??= now
    if (omittedAt !== undefined && now - omittedAt >= omittedEveryMs) reportOmitted()
    return isAdmitted
  }
  return {
    ...adapt(logger, admits),
    lost: () => destination.lost(),
    flush() {
      reportOmitted()
      return destination.flush(flushLimitMs)
    },
  }
}

function newLogger(level: LogLevel, stream: DestinationStream) {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return pino(options, stream)
}

type Admits = (message: string, facts: Readonly<Record<string, unknown>>) => boolean

function adapt(logger: ReturnType<typeof newLogger>, admits: Admits): Log {
  const line =
    (level: LogLevel): Line =>
    (facts, message) => {
      if (logger.isLevelEnabled(level) && admits(message, facts)) logger[level](facts, message)
    }
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    for: (service) => adapt(logger.child({ service }), admits),
    isDebug: () => logger.isLevelEnabled('debug'),
  }
}

// Limits how many lines of one kind the log gets, so that a flood of requests does not displace other lines: journald
// drops the lines of a service that writes too many. Omitted lines are counted and reported.

export type LogLimit = {
  /** Returns whether a line with this message, about this subject (a node), is written. */
  admits(message: string, subject: string | undefined): boolean
  /** Returns the messages whose lines were omitted since the last call, with the number of lines. */
  takeOmitted(): ReadonlyMap<string, number>
}

/** For all lines with one message: enough for a thousand nodes that boot together. */
const ofMessage = { burst: 3000, perSecond: 50 }
/** For the lines about one node with one message. */
const ofSubject = { burst: 60, perSecond: 1 }
const maxBuckets = 4096

type Bucket = { tokens: number; at: number }

export function createLogLimit(clock: Clock): LogLimit {
  const buckets = new Map<string, Bucket>()
  let omitted = new Map<string, number>()

  /** Returns the bucket of a key, filled up to now. */
  function filled(key: string, { burst, perSecond }: typeof ofMessage, now: number): Bucket {
    let bucket = buckets.get(key)
    if (bucket === undefined) {
      const [oldest] = buckets.keys()
      if (buckets.size >= maxBuckets && oldest !== undefined) buckets.delete(oldest)
      bucket = { tokens: burst, at: now }
      buckets.set(key, bucket)
    }
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perSecond) / 1000)
    bucket.at = now
    return bucket
  }

  /**
   * Takes a token from both buckets, or from none. Most lines of a flood find the bucket of their message empty, so
   * that is checked first.
   */
  function takes(message: string, subject: string | undefined, now: number): boolean {
    const all = filled(message, ofMessage, now)
    if (all.tokens < 1) return false
    if (subject !== undefined) {
      const own = filled(`${subject}\0${message}`, ofSubject, now)
      if (own.tokens < 1) return false
      own.tokens--
    }
    all.tokens--
    return true
  }

  return {
    admits(message, subject) {
      const isAdmitted = takes(message, subject, clock.monotonic())
      if (!isAdmitted) omitted.set(message, (omitted.get(message) ?? 0) + 1)
      return isAdmitted
    },
    takeOmitted() {
      const taken = omitted
      omitted = new Map()
      return taken
    },
  }
}

// The destination: a file descriptor that can be slow, full, or closed. Writing never blocks the process: lines wait in a
// bounded buffer, and those that do not fit or cannot be written are dropped and counted.

export type LogDestination = {
  /** Takes one line, with its line feed. Never throws and never waits. */
  write(line: string): void
  /** Returns how many lines were dropped. */
  lost(): number
  /** Writes the waiting lines; gives up after `limitMs`. */
  flush(limitMs: number): Promise<void>
  /** Writes the waiting lines at the exit of the process, for one second at most. */
  flushAtExit(): void
}

export type Writer = {
  /** Writes a text and reports the error, if any; calls `done` exactly once. */
  write(text: string, done: (error: NodeJS.ErrnoException | undefined) => void): void
  /** Whether a part of the last text has not reached the reader yet. */
  isStalled(): boolean
}

/** Lines wait for others for this long, because a system call for each would be a quarter of a DHCP exchange. */
const batchMs = 100
const batchOctets = 4096
/** Enough for a reader that stalls for some seconds. */
const maxWaitingOctets = 4 * 1024 * 1024
/** After an error such as a full disk, before the next attempt. */
const retryMs = 1000
const exitLimitMs = 1000

/** @param writer replaces the descriptor in tests */
export function createLogDestination(fd: number, clock: Clock, writer?: Writer): LogDestination {
  const output = writer ?? writerFor(fd)
  let waiting: string[] = []
  let waitingOctets = 0
  /** The lines that are being written. */
  let writing: readonly string[] = []
  let timer: Timer | undefined
  let lostLines = 0
  /** Whether the last write failed, so that the next one waits for the timer. */
  let hasFailed = false
  let idle: PromiseWithResolvers<void> | undefined

  function schedule(delayMs: number): void {
    timer ??= clock.after(delayMs, () => {
      timer = undefined
      writeWaiting()
    })
  }

  function writeWaiting(): void {
    if (writing.length > 0) return
    timer?.cancel()
    timer = undefined
    if (waiting.length === 0) {
      idle?.resolve()
      idle = undefined
      return
    }
    writing = waiting
    waiting = []
    waitingOctets = 0
    output.write(writing.join(''), (error) => {
      hasFailed = error !== undefined
      if (hasFailed) lostLines += writing.length
      writing = []
      if (hasFailed) schedule(retryMs)
      else if (waitingOctets >= batchOctets || idle !== undefined) writeWaiting()
      else if (waiting.length > 0) schedule(batchMs)
    })
  }

  return {
    write(line) {
      if (waitingOctets + line.length > maxWaitingOctets) {
        lostLines++
        return
      }
      waiting.push(line)
      waitingOctets += line.length
      if (waitingOctets >= batchOctets && writing.length === 0 && !hasFailed) writeWaiting()
      else if (writing.length === 0) schedule(batchMs)
    },
    lost: () => lostLines,
    async flush(limitMs) {
      if (waiting.length === 0 && writing.length === 0) return
      idle ??= Promise.withResolvers()
      const { promise, resolve } = idle
      const limit = clock.after(limitMs, resolve)
      writeWaiting()
      await promise
      limit.cancel()
    },
    flushAtExit() {
      // The lines that are being written leave without the event loop, unless the reader has stalled.
      if (!output.isStalled()) writeUntil(fd, waiting.join(''), performance.now() + exitLimitMs)
      waiting = []
    },
  }
}

/** Pipes and sockets are written without blocking; files and terminals in Node's thread pool. */
function writerFor(fd: number): Writer {
  const kind = fstatSync(fd)
  if (!kind.isFIFO() && !kind.isSocket()) {
    return { write: (text, done) => writeFile(fd, Buffer.from(text), done), isStalled: () => false }
  }
  const socket = new Socket({ fd, readable: false, writable: true })
  socket.unref()
  let failed: NodeJS.ErrnoException | undefined
  socket.on('error', (error) => (failed = error))
  return {
    write(text, done) {
      if (failed !== undefined || socket.destroyed) done(failed ?? new Error('the log socket was closed'))
      else socket.write(text, (error) => done(error ?? undefined))
    },
    isStalled: () => socket.destroyed || (queueOf(socket)?.writeQueueSize ?? 0) > 0,
  }
}

/** Node does not publish how much the kernel has not accepted yet; libuv's handle has it. */
function queueOf(socket: Socket): { readonly writeQueueSize?: number } | undefined {
  return (socket as unknown as { _handle?: { writeQueueSize?: number } })._handle
}

/** Writes all of it, in several system calls if necessary. */
function writeFile(fd: number, text: Buffer, done: Parameters<Writer['write']>[1]): void {
  write(fd, text, (error, written) => {
    if (error !== null) done(error)
    else if (written < text.length) writeFile(fd, text.subarray(written), done)
    else done(undefined)
  })
}

/** Writes without the event loop, until `deadline`. A descriptor that blocks was made non-blocking before. */
function writeUntil(fd: number, text: string, deadline: number): void {
  let rest = Buffer.from(text)
  while (rest.length > 0 && performance.now() < deadline) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}
