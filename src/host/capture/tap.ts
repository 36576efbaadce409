/**
 * The packet capture of the process, at most one at a time. The main thread records datagrams of its own sockets, and each
 * lane those that it receives and sends.
 */
import type { Clock } from '../clock.ts'
import type { LaneSocket } from '../lane/socket.ts'
import type { Sockets, UdpPort } from '../udp.ts'
import { createRecorder, type CapturedFrame, type CaptureFilter } from './recorder.ts'
import type { CaptureMessage, LaneTap, Recording } from './recording.ts'

export type Capture = {
  /** @returns a function that ends the capture; nothing if another one runs */
  start(filter: CaptureFilter, record: (captured: CapturedFrame) => void): (() => void) | undefined
  /** Returns sockets whose datagrams are captured: those of DHCP, TFTP, and DNS. */
  readonly tap: (sockets: Sockets) => Sockets
}

/** Messages of nodes contain tokens. */
const excluded = new Set(['syslog', 'syslog6'])

export function createCapture(clock: Pick<Clock, 'now'>): Capture {
  const recording: Recording = { recorder: undefined }
  const watchers = new Set<(message: CaptureMessage) => void>()
  let running: { readonly filter: CaptureFilter; record(captured: CapturedFrame): void } | undefined

  const lane: LaneTap = {
    watch(send) {
      watchers.add(send)
      if (running !== undefined) send({ capture: running.filter })
      return () => void watchers.delete(send)
    },
    receive: (frames) => {
      for (const frame of frames) running?.record(frame)
    },
  }

  return {
    start(filter, record) {
      if (running !== undefined) return undefined
      const started = { filter, record }
      running = started
      recording.recorder = createRecorder(filter, () => clock.now(), record)
      for (const send of watchers) send({ capture: filter })
      return () => {
        if (running !== started) return
        running = undefined
        recording.recorder = undefined
        for (const send of watchers) send({ capture: null })
      }
    },
    tap: (sockets) => tapped(sockets, recording, lane),
  }
}

function tapped(sockets: Sockets, recording: Recording, lane: LaneTap): Sockets {
  const open = sockets.lane?.bind(sockets)
  return {
    ...sockets,
    async udp(name, options) {
      const ports = await sockets.udp(name, options)
      return excluded.has(name) ? ports : ports.map((port) => tappedPort(port, recording))
    },
    bindUdp: async (options) => tappedPort(await sockets.bindUdp(options), recording),
    ...(open && {
      async lane(name, options) {
        const opened = await open(name, options)
        if ('reason' in opened) return opened
        return { ...opened, sockets: opened.sockets.map((socket) => tappedSocket(socket, recording, lane)) }
      },
    }),
  }
}

function tappedPort(port: UdpPort, recording: Recording): UdpPort {
  const { local } = port
  return {
    ...port,
    receive: (handler) =>
      port.receive((batch) => {
        const { recorder } = recording
        if (recorder !== undefined) for (const each of batch) recorder.received(each.payload, each, local)
        handler(batch)
      }),
    send(payload, address, toPort, failed) {
      recording.recorder?.sent(payload, { address, port: toPort }, local)
      port.send(payload, address, toPort, failed)
    },
  }
}

function tappedSocket(socket: LaneSocket, recording: Recording, tap: LaneTap): LaneSocket {
  const { local } = socket
  return {
    ...socket,
    tap,
    receive: (handler) =>
      socket.receive(
        handler &&
          ((payload, address, port) => {
            recording.recorder?.received(payload, { address, port }, local)
            handler(payload, address, port)
          }),
      ),
    send(payload, address, port, failed) {
      recording.recorder?.sent(payload, { address, port }, local)
      socket.send(payload, address, port, failed)
    },
  }
}
