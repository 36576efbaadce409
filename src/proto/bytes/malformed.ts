/** What a decoder throws, and the only thing it throws: the sender's fault, never ours. */

/** A packet that is not what its protocol allows. Callers count it and drop or refuse the packet. */
export class MalformedPacket extends Error {
  override readonly name = 'MalformedPacket'
  /** Octets from the start of the packet to the place that is wrong. */
  readonly offset: number

  constructor(message: string, offset: number) {
    super(`${message} at octet ${offset}`)
    this.offset = offset
  }
}
