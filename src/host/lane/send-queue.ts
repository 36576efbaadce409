/**
 * Sends the datagrams of one socket to one destination together: a window of a transfer needs one system call. The windows of
 * several transfers wait for each other, and are sent one after the other. Where the kernel can cut one long datagram into
 * equal ones (UDP_SEGMENT, udp(7)), it also passes through the network stack once.
 */
import { addressOctets, linux, systemError, writeAddress, type Libc } from './libc.ts'

/** A socket that sends through the queue. */
export type Sender = {
  readonly fd: number
  /** Whether the kernel may cut datagrams; the queue resets it where that fails. */
  canSegment: boolean
  /** Called for an error that the system reports. */
  failed(error: NodeJS.ErrnoException): void
  /** Called when the send buffer was full, and datagrams were dropped. */
  dropped(address: string, count: number): void
}

export type SendQueue = {
  /** Whether a datagram would be sent with those that wait. */
  isNext(sender: Sender, address: string, port: number): boolean
  /** Adds a copy of a datagram. If it has another sender or destination, those that wait are sent first. */
  add(sender: Sender, payload: Uint8Array, address: string, port: number): void
  /** Sends what waits. */
  flush(): void
}

/** As many as the kernel cuts one datagram into (UDP_MAX_SEGMENTS of older kernels). */
const maxQueued = 64

/** The largest UDP datagram over IPv4: 65,535 less the headers of IPv4 and UDP. */
const dataOctets = 65_507

/** A `mmsghdr`, an `iovec`, and a control message with 16 bits, of 64-bit Linux (sendmmsg(2), cmsg(3)). */
const headerOctets = 64
const header = {
  name: 0,
  nameLength: 8,
  vectors: 16,
  vectorCount: 24,
  control: 32,
  controlLength: 40,
} as const
const vectorOctets = 16
const control = { length: 18, space: 24, level: 8, type: 12, value: 16 } as const

/**
 * How many groups of datagrams wait for each other: sent one after the other, they wake the clients once. Each has a buffer
 * of 64 KiB.
 */
const maxGroups = 16

/** Returns a queue of several groups: each has the datagrams of one socket to one destination. */
export function createSendQueues(libc: Libc): SendQueue {
  const groups = Array.from({ length: maxGroups }, () => createSendQueue(libc))
  let used = 0
  const last = () => groups[used - 1] as SendQueue

  function flush(): void {
    for (let index = 0; index < used; index++) (groups[index] as SendQueue).flush()
    used = 0
  }

  const isNext: SendQueue['isNext'] = (sender, address, port) =>
    used > 0 && last().isNext(sender, address, port)

  return {
    isNext,
    add(sender, payload, address, port) {
      if (!isNext(sender, address, port)) {
        if (used === maxGroups) flush()
        used++
      }
      last().add(sender, payload, address, port)
    },
    flush,
  }
}

export function createSendQueue(libc: Libc): SendQueue {
  const vectorsAt = maxQueued * headerOctets
  const addressAt = vectorsAt + maxQueued * vectorOctets
  const controlAt = addressAt + addressOctets
  const dataAt = controlAt + control.space
  const memory = new Uint8Array(dataAt + dataOctets)
  const view = new DataView(memory.buffer)
  const start = libc.address(memory)
  const peer = memory.subarray(addressAt, controlAt)
  /** Addresses have 48 bits, so a number holds one: for each datagram, a BigInt would be allocated. */
  const startNumber = Number(start)
  let sender: Sender | undefined
  let address = ''
  let port = 0
  let count = 0
  let octets = 0
  /** The length of the first datagram, and whether all others but the last have it. */
  let segmentOctets = 0
  let isRegular = true

  for (let index = 0; index < maxQueued; index++) {
    const at = index * headerOctets
    setAddress(at + header.name, addressAt)
    view.setUint32(at + header.nameLength, addressOctets, true)
    setAddress(at + header.vectors, vectorsAt + index * vectorOctets)
    view.setUint32(at + header.vectorCount, 1, true)
  }
  // A length of 0 means that there is none.
  setAddress(header.control, controlAt)
  view.setUint32(controlAt, control.length, true)
  view.setInt32(controlAt + control.level, linux.SOL_UDP, true)
  view.setInt32(controlAt + control.type, linux.UDP_SEGMENT, true)

  function setAddress(at: number, offset: number): void {
    const address = startNumber + offset
    view.setUint32(at, address % 0x1_0000_0000, true)
    view.setUint32(at + 4, address / 0x1_0000_0000, true)
  }

  /** Sends all datagrams as one that the kernel cuts. @returns whether it could */
  function sendSegmented(current: Sender): boolean {
    const vectorLengthAt = vectorsAt + 8
    const ownOctets = view.getUint32(vectorLengthAt, true)
    view.setUint32(vectorLengthAt, octets, true)
    view.setUint16(controlAt + control.value, segmentOctets, true)
    view.setUint32(header.controlLength, control.space, true)
    const isSent = libc.sendmmsg(current.fd, start, 1, linux.MSG_DONTWAIT) === 1
    // Where the path or the device refuses long datagrams.
    if (!isSent && libc.errno() !== EAGAIN) current.canSegment = false
    view.setUint32(header.controlLength, 0, true)
    view.setUint32(vectorLengthAt, ownOctets, true)
    return isSent
  }

  function sendEach(current: Sender): void {
    for (let from = 0; from < count;) {
      const sent = libc.sendmmsg(
        current.fd,
        start + BigInt(from * headerOctets),
        count - from,
        linux.MSG_DONTWAIT,
      )
      if (sent > 0) {
        from += sent
        continue
      }
      const errno = libc.errno()
      if (errno === EAGAIN) {
        current.dropped(address, count - from)
        return
      }
      // The first one cannot be sent: no route, or port 0, which a forged datagram can have.
      current.failed(systemError('sendmmsg', errno))
      from++
    }
  }

  function flush(): void {
    if (sender === undefined) return
    const current = sender
    sender = undefined
    const isSent = count > 1 && isRegular && current.canSegment && sendSegmented(current)
    if (!isSent) sendEach(current)
    count = 0
    octets = 0
  }

  const isNext: SendQueue['isNext'] = (next, toAddress, toPort) =>
    sender === next && port === toPort && address === toAddress

  return {
    isNext,
    add(next, payload, toAddress, toPort) {
      if (!isNext(next, toAddress, toPort) || count === maxQueued || octets + payload.length > dataOctets) {
        flush()
        if (address !== toAddress || port !== toPort) writeAddress(peer, toAddress, toPort)
        sender = next
        address = toAddress
        port = toPort
        segmentOctets = payload.length
        isRegular = true
      }
      const vectorAt = vectorsAt + count * vectorOctets
      setAddress(vectorAt, dataAt + octets)
      view.setUint32(vectorAt + 8, payload.length, true)
      memory.set(payload, dataAt + octets)
      // Only the last one may be shorter, and none may be longer.
      isRegular &&= octets === count * segmentOctets && payload.length <= segmentOctets && payload.length > 0
      octets += payload.length
      count++
    },
    flush,
  }
}

const EAGAIN = 11

/** Returns whether the kernel cuts long datagrams: since Linux 4.18. */
export function knowsSegments(libc: Libc, fd: number): boolean {
  const value = new Uint8Array(4)
  const length = new Uint8Array(4)
  length[0] = value.length
  return libc.getsockopt(fd, linux.SOL_UDP, linux.UDP_SEGMENT, value, length) === 0
}
