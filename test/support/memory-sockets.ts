/**
 * An in-memory network that implements the services' `Sockets`: UDP only, no ports of the machine, the
 * same order in every run. It behaves like Linux where that matters: the most specific socket gets a unicast
 * datagram, a limited broadcast reaches only sockets bound to 0.0.0.0, and payloads are invalid after the handler.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Datagram, Sockets, UdpOptions, UdpPort } from '../../src/host/udp.ts'

/** A datagram in transit. */
export type Flight = {
  readonly payload: Uint8Array
  readonly from: { readonly address: string; readonly port: number }
  readonly to: { readonly address: string; readonly port: number }
}

/**
 * The fate of a datagram: for each number one copy arrives, after that many of the datagrams
 * sent after it (before its turn). `[]` loses it, `[0]` delivers it, `[0, 0]` duplicates
 * it, `[2]` lets two others overtake it.
 */
export type Weather = (flight: Flight) => readonly number[]

export type MemorySockets = Sockets & {
  /** Replaces the rule for fates from now on. */
  weather(weather: Weather): void
  /** All datagrams sent, in order, delivered or not. */
  readonly flights: readonly Flight[]
  /** `address:port` of each open socket, in the order of binding. */
  open(): readonly string[]
  /** Reports the permanent loss of a socket, like a failing system. */
  lose(port: UdpPort, error: Error): void
  /** Resolves when no datagram is in transit and no promise is pending; does not wait for files or timers. */
  settled(): Promise<void>
}

type Socket = UdpPort & {
  readonly options: UdpOptions
  handler: ((batch: readonly Datagram[]) => void) | undefined
  /** After `connect`: the host of the peer reports a datagram that no socket receives. */
  refused: (() => void) | undefined
}

const firstEphemeral = 49_152
const anyAddress = '0.0.0.0'
const anyAddress6 = '::'
const limitedBroadcast = '255.255.255.255'

export function memorySockets(initialWeather: Weather = () => [0]): MemorySockets {
  const sockets = new Set<Socket>()
  const flights: Flight[] = []
  const queue: { readonly flight: Flight; readonly sender: Socket; readonly behind: number; readonly place: number }[] = [] // prettier-ignore
  let weather = initialWeather
  let ephemeral = firstEphemeral
  let isDelivering = false

  function listeners({ to }: Flight): Socket[] {
    const onPort = [...sockets].filter((socket) => socket.local.port === to.port)
    const any = to.address.includes(':') ? anyAddress6 : anyAddress
    const wild = onPort.filter((socket) => socket.local.address === any)
    if (to.address === limitedBroadcast) return wild
    const exact = onPort.find((socket) => socket.local.address === to.address) ?? wild.at(0)
    return exact === undefined ? [] : [exact]
  }

  function send(flight: Flight, sender: Socket): void {
    flights.push(flight)
    for (const behind of weather(flight)) {
      queue.push({ flight, sender, behind, place: flights.length + behind })
    }
    queue.sort((a, b) => a.place - b.place || a.behind - b.behind)
    if (!isDelivering && queue.length > 0) {
      isDelivering = true
      queueMicrotask(deliver)
    }
  }

  /** Delivers one datagram per microtask, so that promises settle in between, as in reality. */
  function deliver(): void {
    const next = queue.shift()
    isDelivering = next !== undefined
    if (next === undefined) return
    queueMicrotask(deliver)
    const { payload, from } = next.flight
    const receivers = listeners(next.flight)
    if (receivers.length === 0) next.sender.refused?.()
    for (const socket of receivers) {
      const copy = Uint8Array.from(payload)
      socket.handler?.([{ payload: copy, address: from.address, port: from.port }])
      copy.fill(0xee) // reveals code that keeps a payload after the handler
    }
  }

  function isTaken({ address, reuseAddress }: UdpOptions, port: number): boolean {
    return [...sockets].some(
      ({ local, options }) =>
        local.port === port &&
        (local.address === address || local.address === anyAddress || address === anyAddress) &&
        !(reuseAddress === true && options.reuseAddress === true),
    )
  }

  function choosePort(options: UdpOptions): number {
    if (options.port !== 0) return options.port
    while (isTaken(options, ephemeral)) ephemeral++
    return ephemeral++
  }

  function bind(options: UdpOptions): UdpPort {
    const local = { address: options.address, port: choosePort(options) }
    if (isTaken(options, local.port)) {
      const message = `bind EADDRINUSE ${local.address}:${local.port}`
      throw Object.assign(new Error(message), { code: 'EADDRINUSE' })
    }
    const socket: Socket = {
      local,
      options,
      handler: undefined,
      refused: undefined,
      receive(handler) {
        socket.handler = handler
      },
      send(payload, address, port, failed) {
        if (!sockets.has(socket)) return failed?.(new Error('send on a closed socket'))
        if (address === limitedBroadcast && options.broadcast !== true) {
          return failed?.(new Error(`send EACCES ${address}:${port}`))
        }
        send({ payload: Uint8Array.from(payload), from: local, to: { address, port } }, socket)
      },
      connect(_address, _port, refused) {
        socket.refused = refused
      },
      close() {
        sockets.delete(socket)
        return Promise.resolve()
      },
    }
    sockets.add(socket)
    return socket
  }

  // Turns errors of a synchronous `bind` into rejections.
  const bindUdp = (options: UdpOptions): Promise<UdpPort> =>
    new Promise((resolve) => {
      resolve(bind(options))
    })

  return {
    isAdopted: () => false,
    udp: async (_name, options) => [await bindUdp(options)],
    bindUdp,
    tcp: () => Promise.reject(new Error('no TCP in memory')),
    weather(changed) {
      weather = changed
    },
    flights,
    open: () => [...sockets].map(({ local }) => `${local.address}:${local.port}`),
    lose(port, error) {
      for (const socket of sockets) if (socket === port) socket.options.onLost?.(error)
    },
    async settled() {
      do await nextTurn()
      while (isDelivering)
    },
  }
}

export type Inbox = {
  /** All received datagrams, oldest first; copies, which stay valid. */
  readonly all: readonly Datagram[]
  /** Resolves with the oldest datagram not taken yet. */
  next(): Promise<Datagram>
}

/** Keeps the datagrams that a socket receives, as a client for tests. */
export function inbox(port: UdpPort): Inbox {
  const all: Datagram[] = []
  const waiting: ((datagram: Datagram) => void)[] = []
  let taken = 0
  port.receive((batch) => {
    for (const { payload, address, port: from } of batch) {
      const kept = { payload: Uint8Array.from(payload), address, port: from }
      all.push(kept)
      const first = waiting.shift()
      if (first === undefined) continue
      taken++
      first(kept)
    }
  })
  return {
    all,
    next() {
      const datagram = all[taken]
      if (datagram === undefined) return new Promise((resolve) => waiting.push(resolve))
      taken++
      return Promise.resolve(datagram)
    },
  }
}
