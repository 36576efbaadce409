/**
 * UDP sockets of a lane: the lane receives from the descriptor. The main thread opens and closes it, sends what it answers
 * itself, and receives while the lane does not run.
 */
import { createSocket } from 'node:dgram'
import { constants } from 'node:os'
import { ipv6Octets, type Ipv6 } from '../../proto/address/ip.ts'
import type { LaneTap } from '../capture/recording.ts'
import type { Sending } from '../send-guard.ts'
import { familyOf, type AddressFamily } from './address-family.ts'
import { linux, systemError, type Libc } from './libc.ts'

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
  /**
   * Joins an IPv6 multicast group on an interface; a group that is already joined stays joined.
   *
   * @throws {NodeJS.ErrnoException} the system's error
   */
  join?(group: string, interfaceName: string): void
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
  const family = familyOf(address)
  const fd = libc.socket(family.domain, linux.SOCK_DGRAM | linux.SOCK_CLOEXEC | linux.SOCK_NONBLOCK, 0)
  if (fd === -1) throw systemError('socket', libc.errno())
  for (const name of [linux.SO_RCVBUF, linux.SO_SNDBUF]) {
    libc.setsockopt(fd, linux.SOL_SOCKET, name, octetsOf(bufferOctets), 4)
  }
  if (options.reuseAddress === true) libc.setsockopt(fd, linux.SOL_SOCKET, linux.SO_REUSEADDR, octetsOf(1), 4)
  // Clients of IPv4 have sockets of their own.
  if (address === '::') libc.setsockopt(fd, linux.SOL_IPV6, linux.IPV6_V6ONLY, octetsOf(1), 4)
  const own = family.write(libc, new Uint8Array(family.octets), address, port)
  if (libc.bind(fd, own, family.octets) === -1) {
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

/** @param fd a datagram socket */
export function laneSocket(
  libc: Libc,
  fd: number,
  { broadcast, address = '' }: Partial<Pick<LaneSocketOptions, 'broadcast' | 'address'>>,
  sending?: Sending,
): LaneSocket {
  if (broadcast === true) libc.setsockopt(fd, linux.SOL_SOCKET, linux.SO_BROADCAST, octetsOf(1), 4)
  const sendBufferOctets = option(libc, fd, linux.SO_SNDBUF)
  const guard = sending?.guard(sendBufferOctets)
  const family = familyOf(address)
  const peer = new Uint8Array(family.octets)
  let isOpen = true
  let here: ReturnType<typeof createSocket> | undefined
  function receive(handler: ReceiveHere | undefined): void {
    here?.close()
    here = undefined
    if (handler === undefined || !isOpen) return
    // Closing the copy leaves the descriptor of the lane open. Programs that slipway starts must not inherit the socket.
    const copy = libc.fcntl(fd, linux.F_DUPFD_CLOEXEC, 0)
    if (copy === -1) return
    here = createSocket(family.node, (payload, from) => handler(payload, from.address, from.port))
    // The lane is started again soon, and reports a socket that fails.
    here.on('error', () => receive(undefined))
    here.bind({ fd: copy })
  }
  return {
    fd,
    local: localAddress(libc, fd, family),
    sendBufferOctets,
    send(payload, address, port, failed) {
      if (!isOpen) return
      const refusal = guard?.refusal(address, payload.length, 0)
      if (refusal !== undefined) {
        sending?.dropped(refusal, address)
        return
      }
      const to = family.write(libc, peer, address, port)
      const sent = libc.sendto(fd, payload, payload.length, linux.MSG_DONTWAIT, to, family.octets)
      if (sent === -1) failed?.(systemError('sendto', libc.errno()))
    },
    receive,
    join(group, interfaceName) {
      const index = libc.if_nametoindex(interfaceName)
      // The kernel would choose an interface itself.
      if (index === 0) throw systemError('if_nametoindex', constants.errno.ENODEV)
      const request = Uint8Array.of(...ipv6Octets(group as Ipv6), ...octetsOf(index))
      const { SOL_IPV6: level, IPV6_ADD_MEMBERSHIP: name } = linux
      if (libc.setsockopt(fd, level, name, request, request.length) === 0) return
      const error = systemError('setsockopt', libc.errno())
      if (error.code !== 'EADDRINUSE') throw error
    },
    close() {
      receive(undefined)
      if (isOpen) libc.close(fd)
      isOpen = false
    },
  }
}

function localAddress(libc: Libc, fd: number, family: AddressFamily): LaneSocket['local'] {
  const octets = new Uint8Array(family.octets)
  libc.getsockname(fd, octets, octetsOf(octets.length))
  const view = new DataView(octets.buffer)
  return { address: family.format(libc, view, 0), port: view.getUint16(2) }
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
