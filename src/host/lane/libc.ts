/**
 * The system calls of a lane, which Node does not offer: many datagrams in one call (recvmmsg(2), sendmmsg(2)). They are
 * called through koffi, which has prebuilt binaries. docs/decisions/0041 describes lanes and their memory.
 */
import { constants } from 'node:os'
import type * as Koffi from 'koffi'

/** Each function returns what the system call returns: -1 for an error, with its number in `errno`. */
export type Libc = {
  socket(family: number, type: number, protocol: number): number
  bind(fd: number, address: Uint8Array, length: number): number
  close(fd: number): number
  getsockname(fd: number, address: Uint8Array, length: Uint8Array): number
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, length: Uint8Array): number
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, length: number): number
  eventfd(initial: number, flags: number): number
  read(fd: number, buffer: Uint8Array, length: number): number
  write(fd: number, buffer: Uint8Array, length: number): number
  connect(fd: number, address: Uint8Array, length: number): number
  poll(entries: bigint, count: number, timeoutMs: number): number
  epoll_create1(flags: number): number
  epoll_ctl(epoll: number, operation: number, fd: number, event: Uint8Array): number
  epoll_wait(epoll: number, events: bigint, count: number, timeoutMs: number): number
  recvmmsg(fd: number, headers: bigint, count: number, flags: number, timeout: null): number
  recvfrom(
    fd: number,
    payload: bigint,
    length: number,
    flags: number,
    address: bigint,
    addressLength: bigint,
  ): number
  sendmmsg(fd: number, headers: bigint, count: number, flags: number): number
  fcntl(fd: number, command: number, argument: number): number
  sendfile(to: number, from: number, offset: Uint8Array, count: number): number
  /** Writes the name of an interface, with a zero octet behind it, into 16 octets; returns null if there is none. */
  if_indextoname(index: number, name: Uint8Array): unknown
  /** Returns the index of an interface; 0 if there is none. */
  if_nametoindex(name: string): number
  sendto(
    fd: number,
    payload: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    addressLength: number,
  ): number
  /** Returns the free memory of malloc(3) to the system, in a thread of Node's pool (malloc_trim(3)). */
  trim(): Promise<void>
  /** Returns the number of the last error of this thread. */
  errno(): number
  /** Returns the address of a buffer's memory, which must stay referenced while the address is used. */
  address(buffer: Uint8Array): bigint
}

/** Why a lane cannot be used on this machine. */
export type NoLibc = { readonly reason: string }

/** Disables lanes when it is `off`. */
const switchName = 'SLIPWAY_LANES'

/** Structures are laid out in memory as on these processors: 64 bits, little endian. */
const processors: readonly string[] = ['x64', 'arm64']

let loaded: Promise<Libc | NoLibc> | undefined

/** Loads the functions once. Never rejects. */
export function loadLibc(): Promise<Libc | NoLibc> {
  return (loaded ??= load(process.env[switchName], process.arch, () => import('koffi')))
}

/** @param importKoffi rejects where the package or its binary is missing */
export async function load(
  wanted: string | undefined,
  processor: string,
  importKoffi: () => Promise<typeof Koffi>,
): Promise<Libc | NoLibc> {
  if (wanted === 'off') return { reason: `${switchName} is off` }
  if (!processors.includes(processor)) return { reason: `the processor is ${processor}` }
  try {
    return declare(await importKoffi())
  } catch (error) {
    return { reason: (error as Error).message }
  }
}

function declare(koffi: typeof Koffi): Libc {
  const library = koffi.load('libc.so.6')
  const call = (declaration: string) => library.func(declaration)
  const trim = call('int malloc_trim(ulong kept)')
  return {
    socket: call('int socket(int family, int type, int protocol)'),
    bind: call('int bind(int fd, void *address, uint length)'),
    close: call('int close(int fd)'),
    getsockname: call('int getsockname(int fd, void *address, void *length)'),
    getsockopt: call('int getsockopt(int fd, int level, int name, void *value, void *length)'),
    setsockopt: call('int setsockopt(int fd, int level, int name, void *value, uint length)'),
    eventfd: call('int eventfd(uint initial, int flags)'),
    read: call('long read(int fd, void *buffer, ulong length)'),
    write: call('long write(int fd, void *buffer, ulong length)'),
    connect: call('int connect(int fd, void *address, uint length)'),
    epoll_create1: call('int epoll_create1(int flags)'),
    epoll_ctl: call('int epoll_ctl(int epoll, int operation, int fd, void *event)'),
    epoll_wait: call('int epoll_wait(int epoll, void *events, int count, int timeoutMs)'),
    poll: call('int poll(void *entries, ulong count, int timeoutMs)'),
    recvmmsg: call('int recvmmsg(int fd, void *headers, uint count, int flags, void *timeout)'),
    recvfrom: call(
      'long recvfrom(int fd, void *payload, ulong length, int flags, void *address, void *addressLength)',
    ),
    sendmmsg: call('int sendmmsg(int fd, void *headers, uint count, int flags)'),
    fcntl: call('int fcntl(int fd, int command, int argument)'),
    sendfile: call('long sendfile(int to, int from, void *offset, ulong count)'),
    if_indextoname: call('void *if_indextoname(uint index, void *name)'),
    if_nametoindex: call('uint if_nametoindex(const char *name)'),
    sendto: call(
      'long sendto(int fd, void *payload, ulong length, int flags, void *address, uint addressLength)',
    ),
    trim: () => new Promise((resolve) => void trim.async(0, () => resolve())),
    errno: () => koffi.errno(),
    address: (buffer) => koffi.address(buffer),
  }
}

/** Constants of linux/socket.h and related headers, equal on all supported processors. */
export const linux = {
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_NONBLOCK: 0x800,
  SOCK_CLOEXEC: 0x80000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_TYPE: 3,
  SO_ERROR: 4,
  SO_BROADCAST: 6,
  SO_SNDBUF: 7,
  SO_RCVBUF: 8,
  SO_DOMAIN: 39,
  MSG_DONTWAIT: 0x40,
  MSG_TRUNC: 0x20,
  POLLIN: 1,
  POLLOUT: 4,
  SOL_UDP: 17,
  SOL_IPV6: 41,
  IPPROTO_ICMPV6: 58,
  IPV6_MULTICAST_HOPS: 18,
  IPV6_ADD_MEMBERSHIP: 20,
  IPV6_V6ONLY: 26,
  UDP_SEGMENT: 103,
  EPOLL_CLOEXEC: 0x80000,
  EPOLL_CTL_ADD: 1,
  EPOLL_CTL_DEL: 2,
  EPOLLIN: 1,
  EFD_NONBLOCK: 0x800,
  EFD_CLOEXEC: 0x80000,
  F_DUPFD_CLOEXEC: 1030,
  EPOLLOUT: 4,
} as const

/** Octets of a sockaddr_in (ip(7)). */
export const addressOctets = 16

const [zero, dot] = ['0', '.'].map((each) => each.charCodeAt(0)) as [number, number]

/** Writes a sockaddr_in. Each datagram to another client needs one, so the text is read without splitting it. */
export function writeAddress(octets: Uint8Array, address: string, port: number): Uint8Array {
  octets[0] = linux.AF_INET
  octets[1] = 0
  octets[2] = port >>> 8
  octets[3] = port
  let at = 4
  let value = 0
  for (let index = 0; index < address.length; index++) {
    const code = address.charCodeAt(index)
    if (code !== dot) {
      value = value * 10 + code - zero
      continue
    }
    octets[at++] = value
    value = 0
  }
  octets[at] = value
  return octets
}

/** Returns an error whose code is the name of the number, as in Node's own errors. */
export function systemError(call: string, errno: number): NodeJS.ErrnoException {
  const code = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`
  return Object.assign(new Error(`${call} ${code}`), { code, errno, syscall: call })
}
