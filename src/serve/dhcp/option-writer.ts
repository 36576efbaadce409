/**
 * Writes the options of one reply while they fit: into the options field, then into `file` and `sname` if these
 * are free (option 52, RFC 2132 §9.3, RFC 2131 §4.1). Lists are shortened where their format allows it.
 */
import { Writer } from '../../proto/bytes/writer.ts'
import { fileField, snameField } from '../../proto/dhcp/message.ts'
import { OptionCode } from '../../proto/dhcp/option-table.ts'
import { optionOctets, putOption } from '../../proto/dhcp/option.ts'
import type { PreparedOption } from '../../plan/dhcp/plan.ts'

type Field = {
  readonly writer: Writer
  readonly start: number
  /** Where its options must end, without END. */
  limit: number
  /** The bit of option 52 for this field. */
  readonly overload: 0 | 1 | 2
}

/** Code, length and value of option 52. */
const overloadOctets = 3

export class OptionWriter {
  readonly #main: Field
  /** In the order in which clients decode them. */
  readonly #fields: Field[]

  /** @param limit the maximum length of the message, without END */
  constructor(writer: Writer, limit: number) {
    this.#main = { writer, start: writer.offset, limit, overload: 0 }
    this.#fields = [this.#main]
  }

  /** Reserves space for an option that is written last. @returns the value, or `undefined` when it does not fit */
  reserve(value: Uint8Array | undefined): Uint8Array | undefined {
    if (value === undefined || !fits(this.#main, value.length)) return undefined
    this.#main.limit -= optionOctets(value.length)
    return value
  }

  /** Allows options in `file` and `sname` when the options field is full; both fields must be zero. */
  overload(): void {
    const { octets } = this.#main.writer
    if (!fits(this.#main, overloadOctets - 2)) return
    this.#main.limit -= overloadOctets
    this.#fields.push(free(octets, fileField, 1), free(octets, snameField, 2))
  }

  /** Writes an option into the options field only, for options that clients must read first. */
  put(code: number, value: Uint8Array): void {
    if (fits(this.#main, value.length)) putOption(this.#main.writer, code, value)
  }

  putPrepared({ code, value, cuts = [] }: PreparedOption): void {
    const whole = this.#fields.find((field) => fits(field, value.length))
    if (whole !== undefined) {
      putOption(whole.writer, code, value)
      return
    }
    const octets = cuts.findLast((cut) => this.#fields.some((field) => fits(field, cut)))
    if (octets === undefined) return
    const field = this.#fields.find((candidate) => fits(candidate, octets)) as Field
    putOption(field.writer, code, value, octets)
  }

  /** Ends the fields that hold options and writes option 52; reserved options can follow. */
  end(): void {
    let overload = 0
    for (const field of this.#fields) {
      if (field === this.#main || field.writer.offset === field.start) continue
      field.writer.u8(255)
      overload |= field.overload
    }
    if (overload !== 0) putOption(this.#main.writer, OptionCode.overload, Uint8Array.of(overload))
  }
}

function fits({ writer, limit }: Field, valueOctets: number): boolean {
  return writer.offset + optionOctets(valueOctets) <= limit
}

function free(octets: Uint8Array, { start, end }: typeof fileField, overload: 1 | 2): Field {
  return { writer: new Writer(octets, start), start, limit: end - 1, overload }
}
