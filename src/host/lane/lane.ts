/**
 * A lane in the main thread: starts its thread, sends it messages, receives its reports, and starts it again when it ends or
 * no longer runs. The sockets stay open meanwhile.
 */
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads'
import { formatDuration } from '../../text/format.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import type { Clock, Timer } from '../clock.ts'
import type { HostCode } from '../codes.ts'
import type { Counters } from '../counters.ts'
import type { Log } from '../log.ts'
import { workerUrl, type WorkerProgram } from '../worker.ts'
import { linux, type Libc } from './libc.ts'
import { controlIndex, stopMessage, type LaneSetup } from './mailbox.ts'
import type { Report } from './outbox.ts'
import type { LaneSocket } from './socket.ts'

export type Lane = {
  /** Sends a message to the thread. A thread that starts later gets only those of `greet`. */
  send(message: unknown): void
  /** Receives the reports that the thread has sent up to now. */
  drain(): void
  /** Returns the problem of a thread that stopped within the last ten minutes. */
  problem(): ActiveProblem | undefined
  /** Ends the thread; the sockets stay open. Never rejects. */
  stop(): Promise<void>
}

export type LaneOptions<Message> = {
  /** `dns` */
  readonly name: string
  readonly program: Pick<WorkerProgram, 'url' | 'name'>
  readonly libc: Libc
  readonly sockets: readonly LaneSocket[]
  /** For each socket, the index of the one that sends its replies; by default the same. */
  readonly replies?: readonly number[]
  /** What the program gets beside the setup. */
  readonly data: object
  /** Called for each new thread: the messages that it starts with. */
  readonly greet: () => readonly unknown[]
  readonly receive: (message: Message) => void
  /** Called when a thread has ended. */
  readonly ended: () => void
  /** Called when a thread does not complete its round. It ends when the system call in it returns. */
  readonly unresponsive?: () => void
  /** Called when a socket fails for good. */
  readonly onLost: (error: Error) => void
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
}

/** Delay before a new thread. */
const firstDelayMs = 100
const maxDelayMs = 10_000
/** After a thread that ran for this time, the first delay applies again. */
const stableMs = 60_000
const problemMs = 600_000
/** A thread that does not complete a round in this time is ended. */
const watchMs = 5000
/** The first round comes later: on a busy machine, a new thread loads its modules and its plan for many seconds. */
const startMs = 60_000

/** Bounds the heap of the thread; a site of 20,000 nodes needs a fifth of it. Queries leave little to collect. */
const heapLimits = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 4 }

type Thread = { readonly worker: Worker; readonly port: MessagePort }

export function startLane<Message>(options: LaneOptions<Message>): Lane {
  const { name, libc, sockets, clock, counters, log } = options
  const control = new SharedArrayBuffer(12)
  const numbers = new Int32Array(control)
  const wakeFd = libc.eventfd(0, linux.EFD_NONBLOCK | linux.EFD_CLOEXEC)
  const one = new Uint8Array(new BigUint64Array([1n]).buffer)
  const setup: LaneSetup = {
    sockets: sockets.map(({ fd, local, sendBufferOctets }, index) => {
      return { fd, local, sendBufferOctets, replies: options.replies?.[index] ?? index }
    }),
    wakeFd,
    control,
    isDebug: log.isDebug(),
  }
  let thread: Thread | undefined
  let startedAt = 0
  /** The rounds of earlier threads. */
  let roundsBefore = 0
  let delayMs = firstDelayMs
  let restart: Timer | undefined
  let stopped: { readonly at: number; readonly reason: string } | undefined
  let isClosing = false
  let isReceiving = false
  const tap = sockets[0]?.tap
  let unwatch: (() => void) | undefined
  const ended = Promise.withResolvers<undefined>()

  function post({ worker, port }: Thread, message: unknown): void {
    try {
      port.postMessage(message)
    } catch (error) {
      // A value that cannot be sent, which is a defect. Without the message, the thread would answer from an old plan.
      log.error({ code: laneStopped, err: error }, 'message not sent to the lane, ending it')
      end({ worker, port })
      return
    }
    // In this order: the thread reads the eventfd after it has seen the number, so that none is left in it.
    wake()
    Atomics.add(numbers, controlIndex.sent, 1)
  }

  /** Ends the wait of the thread: without it, the end of the thread, and an exit of the process, would take a second. */
  function wake(): void {
    libc.write(wakeFd, one, one.length)
  }

  function end({ worker }: Thread): void {
    void worker.terminate()
    wake()
  }

  function start(): void {
    startedAt = clock.monotonic()
    roundsBefore = Atomics.load(numbers, controlIndex.rounds)
    let reason = 'the thread ended'
    const { port1: port, port2 } = new MessageChannel()
    const worker = new Worker(workerUrl(options.program), {
      workerData: { setup, data: options.data, port: port2 },
      transferList: [port2],
      resourceLimits: heapLimits,
    })
    const started: Thread = { worker, port }
    thread = started
    port.on('message', receive)
    worker.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.message
      if (error.syscall === 'recvmmsg') options.onLost(error)
    })
    worker.on('exit', () => {
      drain()
      port.close()
      thread = undefined
      unwatch?.()
      if (isClosing) ended.resolve(undefined)
      else stop(reason)
    })
    for (const message of options.greet()) post(started, message)
    unwatch?.()
    unwatch = tap?.watch((message) => post(started, message))
  }

  function stop(reason: string): void {
    const now = clock.monotonic()
    if (now - startedAt >= stableMs) delayMs = firstDelayMs
    stopped = { at: now, reason }
    counters.increment(`${name}.laneStopped`)
    log.error({ code: laneStopped, reason, delayMs }, 'lane stopped')
    Atomics.store(numbers, controlIndex.unread, 0)
    options.ended()
    restart = clock.after(delayMs, start)
    delayMs = Math.min(maxDelayMs, delayMs * 2)
  }

  function drain(): void {
    // Recording a message can drain all lanes: later messages of this one wait until it is recorded.
    if (thread === undefined || isReceiving) return
    for (let next = receiveMessageOnPort(thread.port); next; next = receiveMessageOnPort(thread.port)) {
      receive(next.message as Report<Message>)
    }
  }

  function receive({ counts, lines, messages, frames }: Report<Message>): void {
    if (frames !== undefined) tap?.receive(frames)
    if (counts !== undefined) counters.add(counts)
    for (const { level, facts, message } of lines) log[level](facts, message)
    Atomics.sub(numbers, controlIndex.unread, messages.length)
    isReceiving = true
    try {
      for (const message of messages) options.receive(message)
    } finally {
      isReceiving = false
    }
  }

  let rounds = 0
  /** The thread that was ended because it did not respond. */
  let unresponsive: Thread | undefined
  let watch = clock.after(watchMs, look)
  function look(): void {
    const now = Atomics.load(numbers, controlIndex.rounds)
    const limitMs = now === roundsBefore ? startMs : watchMs
    const isExpected = clock.monotonic() - startedAt >= limitMs
    if (isExpected && now === rounds && thread !== undefined && thread !== unresponsive) {
      unresponsive = thread
      log.error({ code: laneStopped, limitMs }, 'lane does not respond, ending it')
      options.unresponsive?.()
      end(thread)
    }
    rounds = now
    watch = clock.after(watchMs, look)
  }

  start()
  process.once('exit', wake)

  return {
    send(message) {
      if (thread !== undefined) post(thread, message)
    },
    drain,
    problem() {
      if (stopped === undefined) return undefined
      const ago = clock.monotonic() - stopped.at
      if (ago >= problemMs) return undefined
      const state = thread === undefined ? 'does not run' : 'was started again'
      const text = `the lane of ${name} stopped ${formatDuration(ago)} ago and ${state}: ${stopped.reason}`
      return { code: laneStopped, text }
    },
    async stop() {
      isClosing = true
      watch.cancel()
      restart?.cancel()
      if (thread !== undefined) {
        post(thread, stopMessage)
        await ended.promise
      }
      process.off('exit', wake)
      libc.close(wakeFd)
    },
  }
}

const laneStopped: HostCode = 'server.lane-stopped'
