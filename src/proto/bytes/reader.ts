/** Reads big-endian fields from a packet. Bounds are checked here for every decoder. */
import { MalformedPacket } from './malformed.ts'

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
