/**
 * Receives and sends up to 64 datagrams in one system call, in memory that is allocated once: the kernel reads and
 * writes it only during a call, and its views are valid until the next `receive`.
 */
import { ipv4Family, type AddressFamily } from './address-family.ts'
import { linux, systemError, type Libc } from './libc.ts'

export const slots = 64

/** Longer datagrams are cut, and are then not passed on. DNS queries and DHCP messages have at most 1,500 octets. */
export const receiveOctets = 4096

/** Room for the largest reply over UDP to IPv4: one Ethernet frame. */
const sendOctets4 = 2048
/** DHCPv6 repeats what the client and relay agents sent; the kernel makes fragments of such a reply. */
const sendOctets6 = 9216

/** Beside the octets of a slot, so that the first octets of different slots are in different sets of the cache. */
const slotGapOctets = 192

/** An `mmsghdr` of 64-bit Linux, and an `iovec` (recvmmsg(2), recvmsg(2)). */
const headerOctets = 64
const header = { name: 0, nameLength: 8, vectors: 16, vectorCount: 24, flags: 48, length: 56 } as const
const vectorOctets = 16

/** Datagrams that are shorter get one view for each slot and length: most DNS queries. */
const cachedLengths = 64

/** A reply that finds the send buffer full waits this long for it, and is dropped then. */
const fullBufferMs = 20

/** An address in text. */
export type Destination = { readonly address: string; readonly port: number }

export type Batch = {
  /**
   * Receives what has arrived on a socket; never waits.
   *
   * @param most how many datagrams it receives at most; by default as many as there are slots
   * @returns the number of datagrams
   * @throws {Error} when the socket has failed
   */
  receive(fd: number, most?: number): number
  /** Returns a datagram; nothing if it was longer than {@link receiveOctets}. */
  payload(slot: number): Uint8Array | undefined
  /** Returns the sender's address in text. */
  address(slot: number): string
  port(slot: number): number
  /** Returns the memory for the reply to a datagram. */
  reply(slot: number): Uint8Array
  /**
   * Adds the reply to a datagram to those that `send` sends.
   *
   * @param to where it is sent instead of to the sender
   */
  queue(slot: number, octets: number, to?: Destination): void
  /**
   * Sends the queued replies. Returns how many were dropped because the send buffer was full.
   *
   * @param failed called for a reply that the system cannot send
   */
  send(fd: number, failed?: (slot: number, errno: number) => void): number
}

/** @param family that of all sockets of the batch */
export function createBatch(libc: Libc, family: AddressFamily = ipv4Family): Batch {
  const isIpv6 = family.domain === linux.AF_INET6
  const received = createHeaders(libc, receiveOctets, family.octets)
  const sent = createHeaders(libc, isIpv6 ? sendOctets6 : sendOctets4, family.octets)
  const texts = family.createTexts(libc)
  const pollEntry = new Uint8Array(8)
  const pollAddress = libc.address(pollEntry)
  /** For each send header, the slot whose addresses it uses; negative if it uses its own address. */
  const slotOf = new Int32Array(slots).fill(-1)
  const queuedSlots = new Int32Array(slots)
  const views = new Array<Uint8Array | undefined>(slots * cachedLengths)
  const dataAddress = received.dataAddress(0)
  const peerAddress = received.nameAddress(0)
  const peerLengthAddress = received.at(0) + BigInt(header.nameLength)
  let queued = 0

  for (let slot = 0; slot < slots; slot++) received.assign(slot, slot, received)

  function isWritable(fd: number): boolean {
    const view = new DataView(pollEntry.buffer)
    view.setInt32(0, fd, true)
    view.setInt16(4, linux.POLLOUT, true)
    return libc.poll(pollAddress, 1, fullBufferMs) > 0
  }

  /** Costs a third less than a call for several. The system writes no header then. */
  function receiveOne(fd: number): number {
    const flags = linux.MSG_DONTWAIT | linux.MSG_TRUNC
    const length = libc.recvfrom(fd, dataAddress, receiveOctets, flags, peerAddress, peerLengthAddress)
    if (length < 0) return -1
    received.view.setUint32(header.length, length, true)
    received.view.setInt32(header.flags, length > receiveOctets ? linux.MSG_TRUNC : 0, true)
    return 1
  }

  return {
    receive(fd, most = slots) {
      texts.forget()
      for (let attempt = 0; ; attempt++) {
        const count =
          most === 1 ? receiveOne(fd) : libc.recvmmsg(fd, received.start, most, linux.MSG_DONTWAIT, null)
        if (count >= 0) return count
        const errno = libc.errno()
        if (errno === errors.EAGAIN) return 0
        // The socket reports the error of an earlier datagram once (ip(7)), and a signal can interrupt a call.
        if (attempt === maxAttempts) throw systemError(most === 1 ? 'recvfrom' : 'recvmmsg', errno)
      }
    },

    payload(slot) {
      if ((received.view.getInt32(slot * headerOctets + header.flags, true) & linux.MSG_TRUNC) !== 0) {
        return undefined
      }
      const length = received.view.getUint32(slot * headerOctets + header.length, true)
      const data = received.data[slot] as Uint8Array
      if (length >= cachedLengths) return data.subarray(0, length)
      return (views[slot * cachedLengths + length] ??= data.subarray(0, length))
    },
    address: (slot) => texts.textAt(received.view, received.nameAt(slot)),
    port: (slot) => received.view.getUint16(received.nameAt(slot) + 2),
    reply: (slot) => sent.data[slot] as Uint8Array,

    queue(slot, octets, to) {
      if (to !== undefined) {
        sent.assign(queued, slot, sent)
        family.write(libc, sent.names[slot] as Uint8Array, to.address, to.port)
        slotOf[queued] = -1
      } else if (slotOf[queued] !== slot) {
        sent.assign(queued, slot, received)
        slotOf[queued] = slot
      }
      queuedSlots[queued] = slot
      sent.setLength(queued, octets)
      queued++
    },

    send(fd, failed) {
      let from = 0
      let hasWaited = false
      while (from < queued) {
        const count = libc.sendmmsg(
          fd,
          from === 0 ? sent.start : sent.at(from),
          queued - from,
          linux.MSG_DONTWAIT,
        )
        if (count > 0) {
          from += count
          continue
        }
        const errno = libc.errno()
        if (errno !== errors.EAGAIN) {
          // The first one cannot be sent: no route, or port 0, which a forged datagram can have.
          failed?.(queuedSlots[from] as number, errno)
          from++
        } else if (hasWaited || !isWritable(fd)) break
        else hasWaited = true
      }
      const dropped = queued - from
      queued = 0
      return dropped
    },
  }
}

const errors = { EAGAIN: 11 } as const
const maxAttempts = 3

/** Headers, vectors, addresses, and data of one direction, in one block of memory. */
function createHeaders(libc: Libc, dataOctets: number, addressOctets: number) {
  const vectorsAt = slots * headerOctets
  const namesAt = vectorsAt + slots * vectorOctets
  const dataAt = namesAt + slots * addressOctets
  const strideOctets = dataOctets + slotGapOctets
  const memory = new Uint8Array(dataAt + slots * strideOctets)
  const start = libc.address(memory)
  const view = new DataView(memory.buffer)
  const dataAddress = (slot: number) => start + BigInt(dataAt + slot * strideOctets)
  return {
    view,
    start,
    data: Array.from({ length: slots }, (_, slot) =>
      memory.subarray(dataAt + slot * strideOctets, dataAt + slot * strideOctets + dataOctets),
    ),
    names: Array.from({ length: slots }, (_, slot) =>
      memory.subarray(namesAt + slot * addressOctets, namesAt + (slot + 1) * addressOctets),
    ),
    nameAt: (slot: number) => namesAt + slot * addressOctets,
    nameAddress: (slot: number) => start + BigInt(namesAt + slot * addressOctets),
    dataAddress,
    /** Returns the address of a header. */
    at: (index: number) => start + BigInt(index * headerOctets),
    /** Makes a header point to the data of a slot, and to the address of the peer in `peers`. */
    assign(index: number, slot: number, peers: { nameAddress(slot: number): bigint }) {
      const at = index * headerOctets
      const vectorAt = vectorsAt + index * vectorOctets
      view.setBigUint64(at + header.name, peers.nameAddress(slot), true)
      view.setUint32(at + header.nameLength, addressOctets, true)
      view.setBigUint64(at + header.vectors, start + BigInt(vectorAt), true)
      view.setBigUint64(at + header.vectorCount, 1n, true)
      view.setBigUint64(vectorAt, dataAddress(slot), true)
      view.setBigUint64(vectorAt + 8, BigInt(dataOctets), true)
    },
    setLength(index: number, octets: number) {
      view.setUint32(vectorsAt + index * vectorOctets + 8, octets, true)
    },
  }
}
