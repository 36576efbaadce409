/**
 * The request port of TFTP: read by a lane, or by the main thread where lanes are not available. The lane starts with the
 * first request, because it needs memory, and a server without boots needs none.
 */
import type { Clock, Timer } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import { closeDescriptors, createOpenDescriptors, type OpenDescriptors } from '../../host/lane/event-ports.ts'
import { createPlannedLane, withoutLane, type LaneState } from '../../host/lane/planned.ts'
import type { Log } from '../../host/log.ts'
import type { Datagram, LaneSockets, Service, Sockets, UdpPort } from '../../host/udp.ts'
import type { Observe, Seen } from '../../install/observation.ts'
import type { NodeFile, TftpFiles } from '../../install/boot/tftp-files.ts'
import { defined } from '../../text/defined.ts'
import type { TftpPlan } from '../../plan/tftp.ts'

export type TftpServiceOptions = {
  /** Called for each request; a transfer keeps the plan that it started with. */
  readonly plan: () => TftpPlan
  readonly sockets: Sockets
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** Receives observations of nodes. */
  readonly observe?: Observe
  /** The files that are created for one node, by the installations of the main thread. */
  readonly nodeFiles?: TftpFiles
  /** Returns the MTU of the interface with an address; by default that of the system. */
  readonly interfaceMtu?: (address: string) => number | undefined
  /** Called when the request port is lost: the process should end. */
  readonly onLost: (error: Error) => void
}

/** The port of requests. */
export type RequestPort = Pick<UdpPort, 'local' | 'send'>

export type TftpServer = {
  /** Handles a datagram that arrived at the request port. Never throws. */
  receive(from: RequestPort, datagram: Datagram): void
  /** Returns how many transfers have not ended. */
  active(): number
  /**
   * Accepts no more requests, and gives transfers `graceMs` to end. Never rejects.
   *
   * @param closePorts closes the request ports; called a second time after the last transfer that uses one of them
   */
  close(graceMs: number, closePorts: () => Promise<unknown>): Promise<void>
}

export type TftpService = Service & {
  /** Resolves when all requests are answered from the active plan; never rejects. */
  apply(): Promise<void>
  /** Records what the lane has observed up to now. */
  drain(): void
  readonly lane: LaneState
}

/** What each thread gets when it starts. */
export type TftpLaneData = {
  readonly descriptors: OpenDescriptors
  /** The address of each socket. */
  readonly locals: readonly UdpPort['local'][]
}

/**
 * How long requests wait in the sockets for the lane that the first of them starts: less than any client waits before it
 * repeats a request. When a rack is switched on, the lane then serves almost all of its machines.
 */
const maxHoldMs = 500

export type TftpLaneMessage =
  | { readonly kind: 'observed'; readonly seen: Seen }
  | { readonly kind: 'closed' }
  /** Requests a file that is created for one node. */
  | { readonly kind: 'find'; readonly id: number; readonly name: string; readonly address: string }

/** The answer to `find`; `problem` if the file could not be created. */
export type FoundMessage = {
  readonly found: { readonly id: number; readonly file?: NodeFile; readonly problem?: string }
}

/** The last message of the main thread to the lane, beside plans. */
export type CloseMessage = { readonly close: { readonly graceMs: number } }

/** @throws {CannotListen} when the request port cannot be opened */
export async function listen(options: TftpServiceOptions, server: TftpServer): Promise<TftpService> {
  const { sockets, log, onLost } = options
  const { address, port, transfers } = options.plan()
  const wanted = { address, port, onLost }
  // Transfers on the request port could not continue in this thread when the lane starts to read the port.
  const forLane = transfers.kind === 'single' ? undefined : await sockets.lane?.('tftp', wanted)
  if (forLane !== undefined && 'sockets' in forLane) return listenInLane(options, forLane, server)
  const ports = await sockets.udp('tftp', wanted)
  for (const each of ports) {
    each.receive((batch) => {
      for (const datagram of batch) server.receive(each, datagram)
    })
  }
  return {
    name: 'tftp',
    listening: ports.map(listeningOn),
    lane: withoutLane('tftp', forLane?.reason, log),
    apply: () => Promise.resolve(),
    drain: () => undefined,
    close: (graceMs) => server.close(graceMs, () => Promise.all(ports.map((each) => each.close()))),
  }
}

const listeningOn = ({ local }: Pick<UdpPort, 'local'>): string => `udp ${local.address}:${local.port}`

function listenInLane(
  options: TftpServiceOptions,
  { libc, sockets }: LaneSockets,
  server: TftpServer,
): TftpService {
  const { clock, counters, log, onLost, observe = () => {} } = options
  const descriptors = createOpenDescriptors()
  const closed = Promise.withResolvers<undefined>()
  let hold: Timer | undefined
  let isClosing = false

  function receive(message: TftpLaneMessage): void {
    if (message.kind === 'observed') observe(message.seen)
    else if (message.kind === 'find') void find(message)
    else closed.resolve(undefined)
  }

  /** The decision about a boot is recorded here; the lane only sends its script. */
  async function find({ id, name, address }: Extract<TftpLaneMessage, { kind: 'find' }>): Promise<void> {
    const file = await options.nodeFiles?.find(name, address).catch((error: unknown) => error as Error)
    const found = file instanceof Error ? { problem: file.message } : defined({ file })
    lane.send({ found: { id, ...found } } satisfies FoundMessage)
  }

  async function apply(): Promise<void> {
    if (hold !== undefined && !isClosing) await lane.apply(options.plan())
  }

  /** Starts the lane, and lets further requests wait for it. */
  function startLane(): void {
    for (const socket of sockets) socket.receive(undefined)
    hold = clock.after(maxHoldMs, () => {
      if (lane.state.isAnswering()) return
      for (const [index, socket] of sockets.entries()) socket.receive(answerHere(index))
    })
    void apply()
  }

  function answerHere(index: number) {
    const from = sockets[index] as RequestPort
    return (payload: Uint8Array, address: string, port: number): void => {
      server.receive(from, { payload, address, port })
      if (hold === undefined && !isClosing) startLane()
    }
  }

  const lane = createPlannedLane<TftpPlan, TftpLaneMessage>({
    name: 'tftp',
    program: { url: import.meta.url, name: './tftp-worker' },
    data: { descriptors, locals: sockets.map(({ local }) => local) } satisfies TftpLaneData,
    first: options.plan(),
    portable: (plan) => plan,
    receive,
    answerHere,
    delayMs: 0,
    ended() {
      closeDescriptors(libc, descriptors)
      if (isClosing) closed.resolve(undefined)
    },
    ...{ libc, sockets, clock, counters, log, onLost },
  })

  /** Lets the transfers of the lane end. */
  async function closeLane(graceMs: number): Promise<void> {
    if (lane.state.isAnswering()) {
      lane.send({ close: { graceMs } } satisfies CloseMessage)
      await closed.promise
    }
    await lane.stop()
  }

  return {
    name: 'tftp',
    listening: sockets.map(listeningOn),
    lane: lane.state,
    apply,
    drain: () => lane.drain(),
    async close(graceMs) {
      isClosing = true
      hold?.cancel()
      const done = () => Promise.resolve()
      await Promise.all([server.close(graceMs, done), closeLane(graceMs)])
      for (const socket of sockets) socket.close()
    },
  }
}
