/**
 * Many UDP ports of one thread, each with its own descriptor: epoll(7) shows which have input. They are the ports of
 * transfers, which the thread opens, and the request port of the main thread.
 */
import { constants } from 'node:os'
import type { Recording } from '../capture/recording.ts'
import type { HostCode } from '../codes.ts'
import { cannotBind } from '../cannot-listen.ts'
import type { SendGuard, Sending } from '../send-guard.ts'
import type { Datagram, Sockets, UdpOptions, UdpPort } from '../udp.ts'
import { createBatch } from './batch.ts'
import { addressOctets, linux, systemError, writeAddress, type Libc } from './libc.ts'
import { createSendQueues, knowsSegments, type Sender } from './send-queue.ts'
import { bindLaneSocket, option } from './socket.ts'

export type EventPorts = Pick<Sockets, 'bindUdp'> & {
  /** Uses a descriptor of the main thread, which closes it. */
  adopt(socket: AdoptedSocket): UdpPort
  /**
   * Sends what waits, and passes received datagrams to the handlers.
   *
   * @param ms how long to wait for input
   * @returns how many ports had input
   * @throws {Error} when an adopted socket has failed
   */
  wait(ms: number): number
  /** Returns how many ports are open, those of {@link adopt} included. */
  open(): number
}

export type AdoptedSocket = {
  readonly fd: number
  readonly local: UdpPort['local']
  readonly sendBufferOctets: number
}

/** How many descriptors the thread can have open: more transfers than a server accepts. */
const maxOpen = 2048

const bufferOctets = 1024 * 1024

/**
 * A client sends one packet for each window, so a second one is rare: looking for it would cost a third of the call. If there
 * is one, the next wait reports the port again.
 */
const maxOfTransfer = 1

/**
 * How many groups of datagrams follow one check of their destination: the socket of a transfer cannot hold up those of
 * others.
 */
const sendsOfCheck = 16

/** How many ports one call of epoll_wait(2) reports. */
const maxEvents = 64

/**
 * Descriptors that a thread has opened, which the main thread closes when the thread has ended: an end is possible at any
 * time, and descriptors belong to the process.
 */
export type OpenDescriptors = Int32Array

export function createOpenDescriptors(): OpenDescriptors {
  return new Int32Array(new SharedArrayBuffer(maxOpen * Int32Array.BYTES_PER_ELEMENT)).fill(-1)
}

/** Closes what a thread that has ended left open. */
export function closeDescriptors(libc: Libc, descriptors: OpenDescriptors): void {
  for (const fd of descriptors) if (fd !== -1) libc.close(fd)
  descriptors.fill(-1)
}

type EventPort = UdpPort & { read(): void }

export function createEventPorts(options: {
  readonly libc: Libc
  readonly descriptors: OpenDescriptors
  /** An eventfd of the main thread that ends a wait. */
  readonly wakeFd: number
  readonly sending: Sending
  readonly recording: Recording
}): EventPorts {
  const { libc, descriptors, sending, recording } = options
  const batch = createBatch(libc)
  const queue = createSendQueues(libc)
  const ports = new Map<number, EventPort>()
  const layout = eventLayout(process.arch)
  const events = new Uint8Array(maxEvents * layout.octets)
  const eventsView = new DataView(events.buffer)
  const eventsAddress = libc.address(events)
  const epoll = libc.epoll_create1(linux.EPOLL_CLOEXEC)
  register(epoll)
  watch(options.wakeFd)

  function watch(fd: number): void {
    const event = new Uint8Array(layout.octets)
    const view = new DataView(event.buffer)
    view.setUint32(0, linux.EPOLLIN, true)
    view.setInt32(layout.dataAt, fd, true)
    if (libc.epoll_ctl(epoll, linux.EPOLL_CTL_ADD, fd, event) === -1)
      throw systemError('epoll_ctl', libc.errno())
  }

  /** @throws {Error} when too many are open */
  function register(fd: number): void {
    const free = descriptors.indexOf(-1)
    if (free === -1) throw new Error(`more than ${maxOpen} descriptors are open`)
    descriptors[free] = fd
  }

  /** The entry is removed first: another thread can open the same number as soon as it is closed. */
  function close(fd: number): void {
    descriptors[descriptors.indexOf(fd)] = -1
    libc.close(fd)
  }

  function createPort(
    { fd, local, sendBufferOctets }: AdoptedSocket,
    lost: (error: Error) => void,
    release: () => void,
    most?: number,
  ): EventPort {
    const guard: SendGuard = sending.guard(sendBufferOctets)
    let handler: (batch: readonly Datagram[]) => void = () => {}
    let refused: (() => void) | undefined
    let failed: ((error: Error) => void) | undefined
    /** The destination that was checked last, and how many sends it still admits. */
    let admitted = ''
    let admits = 0
    let isOpen = true
    // The compiler assumes that a handler does not close the port.
    const canReceive = () => isOpen
    const sender: Sender = {
      fd,
      canSegment: knowsSegments(libc, fd),
      failed(error) {
        if (isRefusal(error)) refused?.()
        failed?.(error)
      },
      dropped(address, count) {
        for (let each = 0; each < count; each++) sending.dropped('server.send-queue-full', address)
      },
    }

    /** Returns why a datagram must be dropped. Only the port of a transfer has few destinations. */
    function refusal(address: string, octets: number): HostCode | undefined {
      if (admits > 0 && address === admitted) {
        admits--
        return undefined
      }
      if (most !== maxOfTransfer || !guard.isReachable(address)) return guard.refusal(address, octets, 0)
      admitted = address
      admits = sendsOfCheck - 1
      return undefined
    }

    function readBatch(): void {
      // A refusal is reported once, and would be lost in a call that receives.
      if (refused !== undefined && option(libc, fd, linux.SO_ERROR) === constants.errno.ECONNREFUSED)
        refused()
      if (!isOpen) return
      const count = batch.receive(fd, most)
      for (let slot = 0; slot < count && canReceive(); slot++) {
        const payload = batch.payload(slot)
        // Longer than any packet of a client.
        if (payload === undefined) continue
        const datagram = { payload, address: batch.address(slot), port: batch.port(slot) }
        recording.recorder?.received(payload, datagram, local)
        handler([datagram])
      }
    }

    return {
      local,
      receive(next) {
        handler = next
      },
      send(payload, address, port, onFailure) {
        if (!isOpen) return
        failed = onFailure
        // Datagrams that are sent together need one check.
        const code = queue.isNext(sender, address, port) ? undefined : refusal(address, payload.length)
        if (code === undefined) {
          recording.recorder?.sent(payload, { address, port }, local)
          queue.add(sender, payload, address, port)
        } else sending.dropped(code, address)
      },
      connect(address, port, onRefused) {
        queue.flush()
        const peer = writeAddress(new Uint8Array(addressOctets), address, port)
        // Without a route, the socket stays unconnected.
        if (libc.connect(fd, peer, addressOctets) === 0) refused = onRefused
      },
      close() {
        if (!isOpen) return Promise.resolve()
        queue.flush()
        isOpen = false
        ports.delete(fd)
        release()
        return Promise.resolve()
      },
      read() {
        try {
          readBatch()
        } catch (error) {
          lost(error as Error)
        }
      },
    }
  }

  function add(fd: number, port: EventPort): UdpPort {
    watch(fd)
    ports.set(fd, port)
    return port
  }

  return {
    adopt(socket) {
      const lost = (error: Error): never => {
        throw error
      }
      const unwatch = () => void libc.epoll_ctl(epoll, linux.EPOLL_CTL_DEL, socket.fd, events)
      return add(socket.fd, createPort(socket, lost, unwatch))
    },

    bindUdp(wanted: UdpOptions) {
      let fd: number | undefined
      try {
        const socket = bindLaneSocket(libc, { ...wanted, bufferOctets })
        fd = socket.fd
        register(fd)
        const port = createPort(
          socket,
          (error) => {
            void port.close()
            wanted.onLost?.(error)
          },
          () => close(socket.fd),
          maxOfTransfer,
        )
        return Promise.resolve(add(fd, port))
      } catch (error) {
        if (fd !== undefined) close(fd)
        return Promise.reject(cannotBind({ transport: 'udp', ...wanted }, error as Error))
      }
    },

    wait(ms) {
      queue.flush()
      const count = libc.epoll_wait(epoll, eventsAddress, maxEvents, ms)
      let read = 0
      for (let index = 0; index < count; index++) {
        const port = ports.get(eventsView.getInt32(index * layout.octets + layout.dataAt, true))
        if (port === undefined) continue
        read++
        port.read()
      }
      queue.flush()
      return read
    },

    open: () => ports.size,
  }
}

const isRefusal = ({ errno }: NodeJS.ErrnoException): boolean => errno === constants.errno.ECONNREFUSED

/** The size of an `epoll_event`, and the offset of its data: only amd64 packs it. */
export function eventLayout(processor: string): { readonly octets: number; readonly dataAt: number } {
  return processor === 'x64' ? { octets: 12, dataAt: 4 } : { octets: 16, dataAt: 8 }
}
