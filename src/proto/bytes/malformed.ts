/** The only error that decoders throw: the sender's error, never a bug of this program. */

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
