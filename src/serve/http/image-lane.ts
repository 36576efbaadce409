/**
 * A thread that sends images (docs/decisions/0044): the main thread reads the request, decides, and sends the header. The
 * lane sends the body on copies of the descriptors of the connection and the file, so that neither can become another one
 * while it is in use. Where there is no lane, and while it starts, the main thread sends the body.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import { startLane, type Lane } from '../../host/lane/lane.ts'
import { linux, loadLibc, type Libc } from '../../host/lane/libc.ts'
import type { Log } from '../../host/log.ts'
import type { WorkerProgram } from '../../host/worker.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import type { ImageLaneData, ImageLaneReport, ImageLaneRequest, SendMessage } from './image-lane-loop.ts'

export type LanePart = Pick<SendMessage, 'file' | 'version' | 'from' | 'to'>

export type LaneTransfer = {
  /** Returns the bytes that were handed to the system. */
  readonly sent: () => number
  /** Ends the transfer; nothing follows what was sent. */
  readonly cancel: () => void
}

export type ImageLane = {
  /**
   * Returns whether the lane can send the body of this response. The first call starts the thread, which takes some tens of
   * milliseconds.
   */
  canSend(response: ServerResponse): boolean
  /**
   * Sends a part of a file after the header of the response, which must be with the system.
   *
   * @param ended gets the reason if the part is incomplete; the connection cannot be used then
   * @returns nothing if the lane stopped, or the process has no free descriptor
   */
  send(socket: Socket, part: LanePart, ended: (reason: string | undefined) => void): LaneTransfer | undefined
  /** Returns the problem of a thread that stopped. */
  problems(): readonly ActiveProblem[]
  /** Ends the thread. Never rejects. */
  stop(): Promise<void>
}

/** Transfers at the same time. The main thread sends more. */
const maxTransfers = 2048

type Running = {
  readonly connection: number
  readonly file: number
  readonly ended: (reason: string | undefined) => void
}

/** How many bytes the lane has sent on a connection, while it does. */
const active = new WeakMap<Duplex, () => number>()

/** Returns the bytes of the active response that the lane sent on a connection; nothing if it does not use it. */
export function sentByLane(socket: Duplex): number | undefined {
  return active.get(socket)?.()
}

export function createImageLane(options: {
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
  /** Loads the system calls; replaced in tests. */
  readonly load?: typeof loadLibc
  /** The thread; replaced in tests. */
  readonly program?: Pick<WorkerProgram, 'url' | 'name'>
}): ImageLane {
  const data: ImageLaneData = { progress: new SharedArrayBuffer(maxTransfers * 8) }
  const progress = new BigInt64Array(data.progress)
  const running = new Map<number, Running>()
  const free = Array.from({ length: maxTransfers }, (_, index) => maxTransfers - 1 - index)
  let libc: Libc | undefined
  let lane: Lane | undefined
  let epoll = -1
  let isReady = false
  let starting: Promise<void> | undefined
  let isStopped = false

  async function start(): Promise<void> {
    const loaded = await (options.load ?? loadLibc)()
    if (isStopped || 'reason' in loaded) return
    libc = loaded
    lane = startLane<ImageLaneReport>({
      ...options,
      name: 'http',
      program: options.program ?? { url: import.meta.url, name: './image-worker' },
      libc,
      sockets: [],
      data,
      greet: () => [{ kind: 'start', epoll: newEpoll(loaded) } satisfies ImageLaneRequest],
      receive(report) {
        if (report.kind === 'ready') isReady = true
        else end(report.slot, report.reason)
      },
      // It waits for a disk, for example: further files come from the main thread.
      unresponsive: () => void (isReady = false),
      ended() {
        isReady = false
        // How much of the last piece was sent is not known.
        for (const slot of [...running.keys()]) end(slot, 'the lane stopped')
      },
      onLost: () => undefined,
    })
  }

  /** Each thread has its own, because those of an ended thread stay registered in the old one. */
  function newEpoll(calls: Libc): number {
    if (epoll !== -1) calls.close(epoll)
    return (epoll = calls.epoll_create1(linux.EPOLL_CLOEXEC))
  }

  function end(slot: number, reason: string | undefined): void {
    const transfer = running.get(slot)
    if (transfer === undefined) return
    running.delete(slot)
    for (const fd of [transfer.connection, transfer.file]) libc?.close(fd)
    transfer.ended(reason)
    free.push(slot)
  }

  return {
    canSend(response) {
      if (isStopped) return false
      starting ??= start()
      // A pipelined response has no socket yet.
      return isReady && free.length > 0 && fdOf(response.socket) !== undefined
    },
    send(socket, { file, ...part }, ended) {
      const fd = fdOf(socket)
      const slot = free.at(-1)
      if (libc === undefined || !isReady || fd === undefined || slot === undefined) return undefined
      const copies = [fd, file].map((each) => libc?.fcntl(each, linux.F_DUPFD_CLOEXEC, 0) ?? -1)
      const [connection = -1, copy = -1] = copies
      if (copies.includes(-1)) {
        for (const each of copies) if (each !== -1) libc.close(each)
        return undefined
      }
      free.pop()
      Atomics.store(progress, slot, 0n)
      let final: number | undefined
      const sent = (): number => final ?? Number(Atomics.load(progress, slot))
      const { timeout = 0 } = socket
      // The main thread sees no activity of the lane; `sentByLane` replaces it.
      socket.setTimeout(0)
      active.set(socket, sent)
      running.set(slot, {
        connection,
        file: copy,
        ended(reason) {
          final = sent()
          active.delete(socket)
          socket.setTimeout(timeout)
          ended(reason)
        },
      })
      lane?.send({ kind: 'send', slot, connection, file: copy, ...part } satisfies ImageLaneRequest)
      return {
        sent,
        cancel() {
          if (final === undefined) lane?.send({ kind: 'cancel', slot } satisfies ImageLaneRequest)
        },
      }
    },
    problems() {
      const problem = lane?.problem()
      return problem === undefined ? [] : [problem]
    },
    async stop() {
      isStopped = true
      isReady = false
      await starting
      await lane?.stop()
      for (const slot of [...running.keys()]) end(slot, 'the service stopped')
      if (epoll !== -1) libc?.close(epoll)
      epoll = -1
    },
  }
}

/** Returns the descriptor of a connection without TLS. Node does not document it, so it can be missing. */
function fdOf(socket: Socket | null): number | undefined {
  if (socket === null || socket.destroyed || 'encrypted' in socket) return undefined
  const { fd = -1 } = (socket as { _handle?: { fd?: number } | null })._handle ?? {}
  return fd < 0 ? undefined : fd
}
