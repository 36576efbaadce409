/**
 * Single options of a message: reading an options field (RFC 2132 §2, RFC 3396), writing one option,
 * and checking that an option's length fits its type. An option that cannot be read does not affect the others.
 */
import { MalformedPacket, type Writer } from '../bytes.ts'
import { OptionCode, optionRowByCode, type OptionRow, type OptionType } from './option-table.ts'

export type DhcpOption = {
  readonly code: number
  /** A view of the packet; a copy when the option came in several parts. */
  readonly value: Uint8Array
  /** Offset of the value in the decoded packet; absent in a message that is being built. */
  readonly offset?: number
}

/** An option of a received message that cannot be used. */
export type IgnoredOption = {
  readonly code: number
  /** For the log: `option 57 with 1 octet`. */
  readonly text: string
}

/** Describes an option that is ignored because of its length, or because of its value if the length is valid. */
export function ignoredOption({ code, value }: DhcpOption): IgnoredOption {
  const problem = value.length === fixedOctets(code) ? `with the value ${value.join('.')}` : lengthText(value)
  return { code, text: `option ${code} ${problem}` }
}

/** The maximum number of ignored options that a message lists: a packet can hold hundreds. */
const maxIgnored = 8

const noneIgnored: readonly IgnoredOption[] = []

const pad = 0
const end = 255

/** The maximum length of one part; a longer value is split (RFC 3396 §5). */
const maxPartOctets = 255

/** Collects the options of one field after another and joins the parts of split options. */
export class OptionList {
  readonly options: DhcpOption[] = []
  /** Option 52: 1 when `file` holds options, 2 when `sname` does, 3 for both, 0 for neither. */
  overload = 0
  ignored: readonly IgnoredOption[] = noneIgnored
  /** One bit per code, so that only a repeated code needs a search. */
  readonly #seen = [0, 0, 0, 0, 0, 0, 0, 0]

  /**
   * Reads the options from `start` up to END or `limit`.
   *
   *      0                   1                   2
   *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
   *     +---------------+---------------+---------------
   *     |     code      |    length     | value …          codes 0 (PAD) and 255 (END) have no length
   *     +---------------+---------------+---------------
   *
   * Deviates from RFC 2132 §3.2: a field may end without END, because that cannot be misread. An option that does not
   * end inside the field is ignored, and ends the field.
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
      if (at + 1 >= limit) {
        this.#ignore(code, 'without a length')
        return
      }
      const length = octets[at + 1] as number
      const offset = at + 2
      at = offset + length
      if (at > limit) {
        this.#ignore(code, `with ${limit - offset} of its ${length} octets`)
        return
      }
      if (code === OptionCode.overload) this.#overload(octets.subarray(offset, at))
      else this.#add(code, octets.subarray(offset, at), offset)
    }
  }

  /** RFC 2131 §4.1: option 52 counts in the options field only, which is read first; in `file` and `sname` it is ignored. */
  #overload(value: Uint8Array): void {
    if (this.overload !== 0) return
    const fields = value[0] ?? 0
    if (value.length !== 1) this.#ignore(OptionCode.overload, lengthText(value))
    else if (fields < 1 || fields > 3) this.#ignore(OptionCode.overload, `with the value ${fields}`)
    else this.overload = fields
  }

  #ignore(code: number, problem: string): void {
    if (this.ignored.length < maxIgnored)
      this.ignored = [...this.ignored, { code, text: `option ${code} ${problem}` }]
  }

  /**
   * RFC 3396 §7: options with the same code are parts of one value, in the order of the packet. A value of fixed length
   * is never in parts: the first one with this length counts.
   */
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
    const octets = fixedOctets(code)
    if (octets !== undefined) {
      const isBetter = first.value.length !== octets && value.length === octets
      if (isBetter) this.options[index] = { code, value, offset }
      this.#ignore(code, isBetter ? lengthText(first.value) : 'a second time')
      return
    }
    const joined = new Uint8Array(first.value.length + value.length)
    joined.set(first.value)
    joined.set(value, first.value.length)
    this.options[index] = { code, value: joined, offset: first.offset }
  }
}

/** Returns how many octets a value occupies in a message, codes and lengths included. */
export function optionOctets(valueOctets: number): number {
  return valueOctets + 2 * Math.max(1, Math.ceil(valueOctets / maxPartOctets))
}

/** Writes one option, in several parts when it is longer than 255 octets (RFC 3396 §5). */
export function putOption(writer: Writer, code: number, value: Uint8Array, valueOctets = value.length): void {
  let at = 0
  do {
    const next = Math.min(at + maxPartOctets, valueOctets)
    writer.u8(code)
    writer.u8(next - at)
    writer.put(at === 0 && next === value.length ? value : value.subarray(at, next))
    at = next
  } while (at < valueOctets)
}

/** Lengths by type: a multiple of `unit`, at least `min`, exactly `unit` when `isList` is false. */
const lengths: Readonly<Record<OptionType, { unit: number; min: number; isList: boolean }>> = {
  u8: { unit: 1, min: 1, isList: false },
  u16: { unit: 2, min: 2, isList: false },
  u16s: { unit: 2, min: 2, isList: true },
  seconds: { unit: 4, min: 4, isList: false },
  address: { unit: 4, min: 4, isList: false },
  addresses: { unit: 4, min: 4, isList: true },
  text: { unit: 1, min: 0, isList: true },
  names: { unit: 1, min: 1, isList: true },
  octets: { unit: 1, min: 0, isList: true },
}

/** Returns the length of the values of a type that allows one length only. */
function fixedOctets(code: number): number | undefined {
  const row = optionRowByCode.get(code)
  if (row === undefined) return undefined
  const { unit, isList } = lengths[row.type]
  return isList ? undefined : unit
}

/** Describes an option by the length of its value: `with 1 octet`. */
export function lengthText({ length }: Uint8Array): string {
  return `with ${length} ${length === 1 ? 'octet' : 'octets'}`
}

/** Returns whether the type of an option allows its length. Options that are not in the table can have any length. */
export function hasValidLength({ code, value }: DhcpOption): boolean {
  const row = optionRowByCode.get(code)
  if (row === undefined) return true
  const { unit, min, isList } = lengths[row.type]
  return value.length >= min && value.length % unit === 0 && (isList || value.length === unit)
}

/**
 * Returns the value of an option after checking its length. Options that are not read are not checked.
 *
 * @throws {MalformedPacket} when its type does not allow the length
 */
export function checkedValue(option: DhcpOption): Uint8Array {
  if (hasValidLength(option)) return option.value
  const row = optionRowByCode.get(option.code) as OptionRow
  const { unit, min, isList } = lengths[row.type]
  const octets = option.value.length
  const expected = isList ? `a multiple of ${unit}, at least ${min}` : String(unit)
  throw malformedOption(
    option,
    `option ${option.code} (${row.name}) has ${octets} octets, expected ${expected}`,
  )
}

/** @param at offset of the error within the value */
export function malformedOption(option: DhcpOption, message: string, at = 0): MalformedPacket {
  return new MalformedPacket(message, (option.offset ?? 0) + at)
}
