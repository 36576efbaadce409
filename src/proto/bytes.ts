/**
 * Reads and writes big-endian fields of packets. The reader checks bounds for every decoder; the writer fills a
 * buffer that the caller owns, so that hot paths do not allocate.
 */

/** A cursor over a packet's octets. Every read moves it forward or throws {@link MalformedPacket}. */
export class Reader {
  readonly octets: Uint8Array
  readonly end: number
  offset: number

  /** @param end exclusive; the packet's length when absent */
  constructor(octets: Uint8Array, offset = 0, end = octets.length) {
    this.octets = octets
    this.offset = offset
    this.end = end
  }

  get remaining(): number {
    return this.end - this.offset
  }

  u8(): number {
    return this.octets[this.advance(1)] as number
  }

  u16(): number {
    const at = this.advance(2)
    return ((this.octets[at] as number) << 8) | (this.octets[at + 1] as number)
  }

  u32(): number {
    const at = this.advance(4)
    const octets = this.octets
    return (
      (((octets[at] as number) << 24) |
        ((octets[at + 1] as number) << 16) |
        ((octets[at + 2] as number) << 8) |
        (octets[at + 3] as number)) >>>
      0
    )
  }

  /** Returns the next `count` octets: a view of the packet, not a copy. */
  take(count: number): Uint8Array {
    const at = this.advance(count)
    return this.octets.subarray(at, at + count)
  }

  private advance(count: number): number {
    const at = this.offset
    if (at + count > this.end) {
      throw new MalformedPacket(`${count} octets expected, ${this.end - at} left`, at)
    }
    this.offset = at + count
    return at
  }
}

/**
 * A cursor over a buffer of fixed size. A write past its end throws {@link RangeError}: that is a bug in the
 * encoder, not an error of the peer.
 */
export class Writer {
  readonly octets: Uint8Array
  offset: number

  constructor(octets: Uint8Array, offset = 0) {
    this.octets = octets
    this.offset = offset
  }

  get remaining(): number {
    return this.octets.length - this.offset
  }

  u8(value: number): void {
    this.octets[this.reserve(1)] = value
  }

  u16(value: number): void {
    const at = this.reserve(2)
    this.octets[at] = value >>> 8
    this.octets[at + 1] = value
  }

  u32(value: number): void {
    const at = this.reserve(4)
    this.octets[at] = value >>> 24
    this.octets[at + 1] = value >>> 16
    this.octets[at + 2] = value >>> 8
    this.octets[at + 3] = value
  }

  put(octets: Uint8Array): void {
    this.octets.set(octets, this.reserve(octets.length))
  }

  fill(value: number, count: number): void {
    const at = this.reserve(count)
    this.octets.fill(value, at, at + count)
  }

  private reserve(count: number): number {
    const at = this.offset
    if (at + count > this.octets.length) {
      throw new RangeError(`${count} octets do not fit into ${this.octets.length - at}`)
    }
    this.offset = at + count
    return at
  }
}

/** A packet that its protocol does not allow. Callers count it and drop or refuse it. */
export class MalformedPacket extends Error {
  override readonly name = 'MalformedPacket'
  /** Offset of the error from the start of the packet. */
  readonly offset: number

  constructor(message: string, offset: number) {
    super(`${message} at octet ${offset}`)
    this.offset = offset
  }
}
