/** Writes big-endian fields into a buffer that the caller owns, so that hot paths do not allocate. */

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
