/**
 * Single options of a message: the walk over an options field (RFC 2132 §2, RFC 3396), writing one,
 * and the check that an option which is about to be read has a length that its type allows.
 */
import { MalformedPacket } from '../bytes/malformed.ts'
import type { Writer } from '../bytes/writer.ts'
import { OptionCode, optionRowByCode, type OptionType } from './option-table.ts'

export type DhcpOption = {
  readonly code: number
  /** A view of the packet; an own copy where the option came in several parts. */
  readonly value: Uint8Array
  /** Where the value began in the packet that was decoded; absent in a message that is being made. */
  readonly offset?: number
}

const pad = 0
const end = 255

/** Octets that one code and one length can hold; a longer value is split (RFC 3396 §5). */
const longestPart = 255

/** Collects the options of one field after the other, joining the parts of those that were split. */
export class OptionList {
  readonly options: DhcpOption[] = []
  /** Option 52: 1 when `file` holds options, 2 when `sname` does, 3 for both, 0 when neither. */
  overload = 0
  /** One bit per code, so that only a repeated code is searched for. */
  readonly #seen = [0, 0, 0, 0, 0, 0, 0, 0]

  /**
   * Reads the options from `start` up to END or `limit`.
   *
   *      0                   1                   2
   *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
   *     +---------------+---------------+---------------
   *     |     code      |    length     | value …          code 0 (PAD) and 255 (END) stand alone
   *     +---------------+---------------+---------------
   *
   * Deviates from RFC 2132 §3.2: a field may end without END, nothing can be misread then.
   *
   * @throws {MalformedPacket} when an option does not end inside the field
   */
  read(octets: Uint8Array, start: number, limit: number): void {
    let at = start
    while (at < limit) {
      const code = octets[at] as number
      if (code === end) return
      if (code === pad) {
        at++
        continue
      }
      if (at + 1 >= limit) throw new MalformedPacket(`option ${code} has no length`, at)
      const length = octets[at + 1] as number
      const offset = at + 2
      at = offset + length
      if (at > limit) {
        throw new MalformedPacket(`option ${code} has ${length} octets, ${limit - offset} left`, offset)
      }
      if (code === OptionCode.overload) this.#overload(octets.subarray(offset, at), offset)
      else this.#add(code, octets.subarray(offset, at), offset)
    }
  }

  /** RFC 2131 §4.1: it stands in the options field, which is read first; what `file` and `sname` say is ignored. */
  #overload(value: Uint8Array, offset: number): void {
    if (this.overload !== 0) return
    const fields = value[0] ?? 0
    if (value.length !== 1 || fields < 1 || fields > 3) {
      throw new MalformedPacket('option 52 (Overload) is none of 1, 2 and 3', offset)
    }
    this.overload = fields
  }

  /** RFC 3396 §7: options of the same code are parts of one value, in the order in which they stand. */
  #add(code: number, value: Uint8Array, offset: number): void {
    const word = code >>> 5
    const bit = 1 << (code & 31)
    const seen = this.#seen[word] as number
    if ((seen & bit) === 0) {
      this.#seen[word] = seen | bit
      this.options.push({ code, value, offset })
      return
    }
    const index = this.options.findIndex((option) => option.code === code)
    const first = this.options[index] as Required<DhcpOption>
    const joined = new Uint8Array(first.value.length + value.length)
    joined.set(first.value)
    joined.set(value, first.value.length)
    this.options[index] = { code, value: joined, offset: first.offset }
  }
}

/** Octets that a value takes in a message, codes and lengths included. */
export function optionOctets(valueOctets: number): number {
  return valueOctets + 2 * Math.max(1, Math.ceil(valueOctets / longestPart))
}

/** Writes one option, in several parts when it is longer than 255 octets (RFC 3396 §5). */
export function putOption(writer: Writer, code: number, value: Uint8Array, valueOctets = value.length): void {
  let at = 0
  do {
    const next = Math.min(at + longestPart, valueOctets)
    writer.u8(code)
    writer.u8(next - at)
    writer.put(at === 0 && next === value.length ? value : value.subarray(at, next))
    at = next
  } while (at < valueOctets)
}

/** Lengths by type: a multiple of `unit`, at least `least`, exactly `unit` where `many` is false. */
const lengths: Readonly<Record<OptionType, { unit: number; least: number; many: boolean }>> = {
  u8: { unit: 1, least: 1, many: false },
  u16: { unit: 2, least: 2, many: false },
  u16s: { unit: 2, least: 2, many: true },
  seconds: { unit: 4, least: 4, many: false },
  address: { unit: 4, least: 4, many: false },
  addresses: { unit: 4, least: 4, many: true },
  text: { unit: 1, least: 0, many: true },
  names: { unit: 1, least: 1, many: true },
  octets: { unit: 1, least: 0, many: true },
}

/**
 * The value of an option that is about to be read. Called for those only: what nobody reads cannot hurt.
 *
 * @throws {MalformedPacket} when its length is none that its type allows
 */
export function checkedValue(option: DhcpOption): Uint8Array {
  const row = optionRowByCode.get(option.code)
  if (row === undefined) return option.value
  const { unit, least, many } = lengths[row.type]
  const octets = option.value.length
  if (octets >= least && octets % unit === 0 && (many || octets === unit)) return option.value
  const expected = many ? `a multiple of ${unit}, at least ${least}` : String(unit)
  throw malformedOption(
    option,
    `option ${option.code} (${row.name}) has ${octets} octets, expected ${expected}`,
  )
}

/** @param at octets from the start of the value to the place that is wrong */
export function malformedOption(option: DhcpOption, message: string, at = 0): MalformedPacket {
  return new MalformedPacket(message, (option.offset ?? 0) + at)
}
