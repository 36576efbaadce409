/**
 * UDP sockets of a lane: the lane receives from the descriptor. The main thread opens and closes it, sends what it answers
 * itself, and receives while the lane does not run.
 */
import { createSocket } from 'node:dgram'
import type { LaneTap } from '../capture/recording.ts'
import type { Sending } from '../send-guard.ts'
import { addressOctets, linux, systemError, writeAddress, type Libc } from './libc.ts'

export type ReceiveHere = (payload: Uint8Array, address: string, port: number) => void

export type LaneSocket = {
  readonly fd: number
  readonly local: { readonly address: string; readonly port: number }
  readonly sendBufferOctets: number
  /** Packet captures, in which a lane takes part. */
  readonly tap?: LaneTap
  /** Sends without waiting. A datagram that cannot be sent is lost, and reported to `failed`. */
  send(payload: Uint8Array, address: string, port: number, failed?: (error: Error) => void): void
  /**
   * Receives in this thread; without a handler, no longer. Each datagram is received once, by this thread or by the lane.
   *
   * @param handler gets payloads that are valid until it returns
   */
  receive(handler: ReceiveHere | undefined): void
  close(): void
}

type LaneSocketOptions = {
  readonly address: string
  readonly port: number
  readonly reuseAddress?: boolean
  readonly broadcast?: boolean
}

/** @throws {NodeJS.ErrnoException} the system's error */
export function bindLaneSocket(
  libc: Libc,
  options: LaneSocketOptions & { readonly bufferOctets: number },
  sending?: Sending,
): LaneSocket {
  const { address, port, bufferOctets } = options
  const fd = libc.socket(linux.AF_INET, linux.SOCK_DGRAM | linux.SOCK_CLOEXEC | linux.SOCK_NONBLOCK, 0)
  if (fd === -1) throw systemError('socket', libc.errno())
  for (const name of [linux.SO_RCVBUF, linux.SO_SNDBUF]) {
    libc.setsockopt(fd, linux.SOL_SOCKET, name, octetsOf(bufferOctets), 4)
  }
  if (options.reuseAddress === true) libc.setsockopt(fd, linux.SOL_SOCKET, linux.SO_REUSEADDR, octetsOf(1), 4)
  if (libc.bind(fd, writeAddress(new Uint8Array(addressOctets), address, port), addressOctets) === -1) {
    const error = systemError('bind', libc.errno())
    libc.close(fd)
    throw error
  }
  return laneSocket(libc, fd, options, sending)
}

/** Returns the kind of a descriptor that systemd passed. */
export function kindOf(libc: Libc, fd: number): 'ipv4' | 'ipv6' | 'not-udp' {
  if (option(libc, fd, linux.SO_TYPE) !== linux.SOCK_DGRAM) return 'not-udp'
  return option(libc, fd, linux.SO_DOMAIN) === linux.AF_INET ? 'ipv4' : 'ipv6'
}

/** @param fd an IPv4 datagram socket */
export function laneSocket(
  libc: Libc,
  fd: number,
  { broadcast }: Pick<LaneSocketOptions, 'broadcast'>,
  sending?: Sending,
): LaneSocket {
  if (broadcast === true) libc.setsockopt(fd, linux.SOL_SOCKET, linux.SO_BROADCAST, octetsOf(1), 4)
  const sendBufferOctets = option(libc, fd, linux.SO_SNDBUF)
  const guard = sending?.guard(sendBufferOctets)
  const peer = new Uint8Array(addressOctets)
  let isOpen = true
  let here: ReturnType<typeof createSocket> | undefined
  function receive(handler: ReceiveHere | undefined): void {
    here?.close()
    here = undefined
    if (handler === undefined || !isOpen) return
    // Closing the copy leaves the descriptor of the lane open. Programs that slipway starts must not inherit the socket.
    const copy = libc.fcntl(fd, linux.F_DUPFD_CLOEXEC, 0)
    if (copy === -1) return
    here = createSocket('udp4', (payload, { address, port }) => handler(payload, address, port))
    // The lane is started again soon, and reports a socket that fails.
    here.on('error', () => receive(undefined))
    here.bind({ fd: copy })
  }
  return {
    fd,
    local: localAddress(libc, fd),
    sendBufferOctets,
    send(payload, address, port, failed) {
      if (!isOpen) return
      const refusal = guard?.refusal(address, payload.length, 0)
      if (refusal !== undefined) {
        sending?.dropped(refusal, address)
        return
      }
      const to = writeAddress(peer, address, port)
      const sent = libc.sendto(fd, payload, payload.length, linux.MSG_DONTWAIT, to, addressOctets)
      if (sent === -1) failed?.(systemError('sendto', libc.errno()))
    },
    receive,
    close() {
      receive(undefined)
      if (isOpen) libc.close(fd)
      isOpen = false
    },
  }
}

function localAddress(libc: Libc, fd: number): LaneSocket['local'] {
  const octets = new Uint8Array(addressOctets)
  libc.getsockname(fd, octets, octetsOf(addressOctets))
  return { address: octets.subarray(4, 8).join('.'), port: new DataView(octets.buffer).getUint16(2) }
}

/** Returns an option of a socket that is an int; 0 if the system does not know it. */
export function option(libc: Libc, fd: number, name: number): number {
  const value = new Uint8Array(4)
  libc.getsockopt(fd, linux.SOL_SOCKET, name, value, octetsOf(value.length))
  return new DataView(value.buffer).getInt32(0, true)
}

function octetsOf(value: number): Uint8Array {
  const octets = new Uint8Array(4)
  new DataView(octets.buffer).setInt32(0, value, true)
  return octets
}
