/**
 * Answers on the sockets of DHCP: in a lane, or in the main thread where lanes are not available. The socket that sends
 * a reply decides the interface; Node offers no other choice.
 */
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import { createPlannedLane, withoutLane, type LaneState } from '../../host/lane/planned.ts'
import type { LaneSocket } from '../../host/lane/socket.ts'
import type { Log } from '../../host/log.ts'
import type { Datagram, UdpPort } from '../../host/udp.ts'
import type { InventoryBindings } from '../../inventory/bindings.ts'
import type { Model } from '../../plan/model.ts'
import { defined } from '../../text/defined.ts'
import type { Arrival } from './decide.ts'
import { handleDatagram, replyOf } from './handle.ts'
import type { BindingsMessage, DhcpLaneData, DhcpLaneMessage, DhcpLanePlan } from './lane.ts'
import { maxReplyOctets } from './reply.ts'
import {
  createIsAttached,
  openDhcpLane,
  openDhcpSockets,
  type DhcpLaneSockets,
  type DhcpSocket,
  type DhcpSocketOptions,
} from './sockets.ts'
import type { Withheld } from './withhold.ts'

/** What was done with a datagram, or why its reply was not sent. */
export type Done = DhcpLaneMessage

export type ListenOptions = DhcpSocketOptions & {
  /** Returns the model of the active plan, which the lane compiles again; without it there is no lane. */
  readonly model?: () => Model
  /** Returns the networks on which no address is offered: the same list until it changes. */
  readonly withheld?: () => readonly Withheld[]
  /** The addresses of undeclared machines; a lane has its own. */
  readonly bindings?: InventoryBindings
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
}

export type Listening = {
  /** `udp 172.16.0.101:67` */
  readonly listening: readonly string[]
  readonly lane: LaneState
  /** Resolves when all answers come from the active plan; never rejects. */
  apply(): Promise<void>
  /** Records what the lane has done up to now. */
  drain(): void
  close(): Promise<void>
}

/** @throws {CannotListen} when a socket cannot be opened; sockets opened before are closed again */
export async function listen(options: ListenOptions, record: (done: Done) => void): Promise<Listening> {
  const { model, log } = options
  const forLane = model && (await openDhcpLane(options))
  if (model !== undefined && forLane !== undefined && 'sockets' in forLane) {
    return listenInLane(options, model, forLane, record)
  }
  const reason = forLane !== undefined && 'reason' in forLane ? forLane.reason : undefined
  const state = withoutLane('dhcp', reason, log)
  return listenHere(options, await openDhcpSockets(options), state, record)
}

function listenHere(
  options: ListenOptions,
  sockets: readonly DhcpSocket[],
  lane: LaneState,
  record: (done: Done) => void,
): Listening {
  const answer = createAnswer(options, record)
  for (const { port, arrival, replies } of sockets) {
    port.receive((batch) => {
      for (const datagram of batch) answer(datagram, arrival, replies)
    })
  }
  return {
    listening: sockets.map(({ port }) => `udp ${port.local.address}:${port.local.port}`),
    lane,
    apply: () => Promise.resolve(),
    drain: () => undefined,
    async close() {
      await Promise.all(sockets.map(({ port }) => port.close()))
    },
  }
}

/**
 * Returns a function that answers a datagram in this thread.
 *
 * @param bound called after an undeclared machine got an address
 */
function createAnswer(options: ListenOptions, record: (done: Done) => void, bound = () => {}) {
  const out = new Uint8Array(maxReplyOctets)
  const isAttached = createIsAttached(options)
  const { withheld = () => [], bindings } = options
  return (datagram: Datagram, arrival: Arrival, replies: Pick<UdpPort, 'send'>): void => {
    const handled = handleDatagram(datagram, arrival, options.plan(), out, isAttached, withheld(), bindings)
    const reply = replyOf(handled)
    if (reply !== undefined) {
      const { about } = reply
      const to = reply.to === 'sender' ? datagram : reply.to
      replies.send(out.subarray(0, reply.octets), to.address, to.port, (error) =>
        record({ kind: 'unsent', about, client: `${to.address}:${to.port}`, error }),
      )
    }
    record({ kind: 'handled', handled })
    if (reply?.inventory !== undefined) bound()
  }
}

type LaneInput = Required<Pick<DhcpLanePlan, 'model' | 'withheld'>>

function listenInLane(
  options: ListenOptions,
  model: () => Model,
  { arrivals, ...opened }: DhcpLaneSockets,
  record: (done: Done) => void,
): Listening {
  const { clock, counters, log, onLost, withheld = () => [], bindings } = options
  let input: LaneInput = { model: model(), withheld: withheld() }
  /** Returns the same object until something changes: then the lane gets it. */
  const current = (): typeof input => {
    const next = { model: model(), withheld: withheld() }
    const isSame = next.model === input.model && next.withheld === input.withheld
    return isSame ? input : (input = next)
  }
  // The thread must know the addresses that this one gives to undeclared machines before the thread answers.
  const answer = createAnswer(options, record, () => {
    lane.send({ bindings: bindings?.live() ?? [] } satisfies BindingsMessage)
  })
  const lane = createPlannedLane<LaneInput, DhcpLaneMessage>({
    name: 'dhcp',
    program: { url: import.meta.url, name: './dhcp-worker' },
    data: { arrivals, isEveryInterface: options.sockets.isAdopted('dhcp') } satisfies DhcpLaneData,
    first: input,
    portable: ({ model, withheld }, previous): DhcpLanePlan => {
      if (previous === undefined) return { model, withheld, ...defined({ bindings: bindings?.live() }) }
      return model === previous.model ? { withheld } : { model, withheld }
    },
    receive: record,
    answerHere(index) {
      const arrival = arrivals[index] as Arrival
      const replies = opened.sockets[opened.replies[index] as number] as LaneSocket
      return (payload, address, port) => answer({ payload, address, port }, arrival, replies)
    },
    ...{ ...opened, clock, counters, log, onLost },
  })
  return {
    listening: opened.sockets.map(({ local }) => `udp ${local.address}:${local.port}`),
    lane: lane.state,
    apply: () => lane.apply(current()),
    drain: () => lane.drain(),
    async close() {
      await lane.stop()
      for (const socket of opened.sockets) socket.close()
    },
  }
}
