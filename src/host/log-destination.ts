/**
 * Where log lines go: a file descriptor that may be slow, full, or gone. Writing never blocks the process: lines wait
 * in a bounded buffer, and those that do not fit or cannot be written are dropped and counted.
 */
import { fstatSync, write, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Clock, Timer } from './clock.ts'

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
      if (failed !== undefined || socket.destroyed) done(failed ?? new Error('the reader of the log is gone'))
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
