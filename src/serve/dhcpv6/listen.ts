/** Answers on the socket of DHCPv6: in a lane, or in the main thread where lanes are not available. */
import type { InterfaceAddresses } from '../../host/attached-networks.ts'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import { createPlannedLane, withoutLane, type LaneState } from '../../host/lane/planned.ts'
import type { LaneSocket } from '../../host/lane/socket.ts'
import type { Log } from '../../host/log.ts'
import type { Datagram, LaneSockets, Sockets, UdpPort } from '../../host/udp.ts'
import type { Dhcpv6Plan } from '../../plan/dhcpv6/plan.ts'
import type { Model } from '../../plan/model.ts'
import { endpointText } from '../../text/endpoint.ts'
import { createHandler, replyOf, type Done } from './handle.ts'
import { createLinks, type Links } from './links.ts'
import { maxReplyOctets } from './reply.ts'

export type ListenOptions = {
  /** Called for each datagram, so a new plan takes effect with the next one. */
  readonly plan: () => Dhcpv6Plan
  /** Returns the model of the active plan, which the lane compiles again; without it there is no lane. */
  readonly model?: () => Model
  readonly sockets: Sockets
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
  /** Called when the socket is lost; the process should end. */
  readonly onLost: (error: Error) => void
  /** Returns the addresses of this machine's interfaces; by default those of the system. */
  readonly interfaces?: () => InterfaceAddresses
}

export type Listening = {
  /** `udp [::]:547` */
  readonly listening: readonly string[]
  readonly links: Pick<Links, 'names'>
  readonly lane: LaneState
  /** Serves the links of the active plan. Resolves when all answers come from it; never rejects. */
  apply(): Promise<void>
  /** Records what the lane has done up to now. */
  drain(): void
  close(): Promise<void>
}

/** @throws {CannotListen} when the socket cannot be opened */
export async function listen(options: ListenOptions, record: (done: Done) => void): Promise<Listening> {
  const { plan, model, sockets, log, onLost } = options
  const wanted = { address: '::', port: plan().serverPort, onLost }
  const forLane = (model && (await sockets.lane?.('dhcp6', wanted))) ?? { reason: undefined }
  if (model !== undefined && 'sockets' in forLane) return listenInLane(options, model, forLane, record)
  const ports = await sockets.udp('dhcp6', wanted)
  const links = createLinks({ ...options, ports })
  const answer = createAnswer(options, links, record)
  for (const port of ports) {
    port.receive((batch) => {
      for (const datagram of batch) answer(datagram, port)
    })
  }
  return {
    listening: ports.map(listeningOn),
    links,
    lane: withoutLane('dhcpv6', 'reason' in forLane ? forLane.reason : undefined, log),
    apply() {
      links.refresh()
      return Promise.resolve()
    },
    drain: () => undefined,
    async close() {
      links.close()
      await Promise.all(ports.map((port) => port.close()))
    },
  }
}

const listeningOn = ({ local }: Pick<UdpPort, 'local'>): string => `udp ${endpointText(local)}`

/** Returns a function that answers a datagram in this thread. */
function createAnswer({ plan, clock }: ListenOptions, links: Links, record: (done: Done) => void) {
  const out = new Uint8Array(maxReplyOctets)
  const { handle } = createHandler(plan, (name) => links.networksOn(name), clock)
  return (datagram: Datagram, socket: Pick<UdpPort, 'send'>): void => {
    const handled = handle(datagram, out)
    const reply = replyOf(handled)
    if (reply !== undefined) {
      const { about } = reply
      socket.send(out.subarray(0, reply.octets), datagram.address, reply.port, (error) =>
        record({ kind: 'unsent', about, error }),
      )
    }
    record({ kind: 'handled', handled })
  }
}

function listenInLane(
  options: ListenOptions,
  model: () => Model,
  { libc, sockets }: LaneSockets,
  record: (done: Done) => void,
): Listening {
  const { clock, counters, log, onLost } = options
  const links = createLinks({ ...options, ports: sockets })
  const answer = createAnswer(options, links, record)
  const lane = createPlannedLane<Model, Done>({
    name: 'dhcpv6',
    program: { url: import.meta.url, name: './dhcpv6-worker' },
    data: {},
    first: model(),
    portable: (next) => next,
    receive: record,
    answerHere(index) {
      const socket = sockets[index] as LaneSocket
      return (payload, address, port) => answer({ payload, address, port }, socket)
    },
    ...{ libc, sockets, clock, counters, log, onLost },
  })
  return {
    listening: sockets.map(listeningOn),
    links,
    lane: lane.state,
    apply() {
      links.refresh()
      return lane.apply(model())
    },
    drain: () => lane.drain(),
    async close() {
      links.close()
      await lane.stop()
      for (const socket of sockets) socket.close()
    },
  }
}
