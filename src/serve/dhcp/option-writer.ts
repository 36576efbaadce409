/**
 * The options of one reply, written as long as they fit: into the options field, then into those of `file`
 * and `sname` that are free (option 52, RFC 2132 §9.3, RFC 2131 §4.1). Lists are cut where they allow it.
 */
import { Writer } from '../../proto/bytes/writer.ts'
import { fileField, snameField } from '../../proto/dhcp/message.ts'
import { OptionCode } from '../../proto/dhcp/option-table.ts'
import { optionOctets, putOption } from '../../proto/dhcp/option.ts'
import type { PreparedOption } from '../../plan/dhcp/plan.ts'

type Field = {
  readonly writer: Writer
  readonly start: number
  /** Where its options have to end, END not counted. */
  limit: number
  /** What option 52 says when it holds options. */
  readonly overload: 0 | 1 | 2
}

/** Code, length and value of option 52. */
const overloadOctets = 3

export class OptionWriter {
  readonly #main: Field
  /** In the order in which clients read them. */
  readonly #fields: Field[]

  /** @param limit the length that the message may have, END not counted */
  constructor(writer: Writer, limit: number) {
    this.#main = { writer, start: writer.offset, limit, overload: 0 }
    this.#fields = [this.#main]
  }

  /** Keeps room for an option that is written last. @returns the value, or `undefined` when there is no room */
  reserve(value: Uint8Array | undefined): Uint8Array | undefined {
    if (value === undefined || !fits(this.#main, value.length)) return undefined
    this.#main.limit -= optionOctets(value.length)
    return value
  }

  /** Lets options that find no room elsewhere go into `file` and `sname`, which are zeros in the message so far. */
  overload(): void {
    const { octets } = this.#main.writer
    if (!fits(this.#main, overloadOctets - 2)) return
    this.#main.limit -= overloadOctets
    this.#fields.push(free(octets, fileField, 1), free(octets, snameField, 2))
  }

  /** For what has to be read before anything else: never in another field. */
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

  /** Ends the other fields that hold options, and says so in the options field; what was reserved may follow. */
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
