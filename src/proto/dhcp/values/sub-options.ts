/** Options inside of an option: relay agent information (82, RFC 3046 §2.0) and iPXE's (175). */
import { checkedValue, malformedOption, type DhcpOption } from '../option.ts'

/** Values of the sub-options by code; the first of equals. */
export type SubOptions = ReadonlyMap<number, Uint8Array>

/** @throws {MalformedPacket} when a sub-option does not end inside the option */
export function subOptionsOf(option: DhcpOption): SubOptions {
  const { found, cutAt } = readSubOptions(checkedValue(option))
  if (cutAt === undefined) return found
  const code = option.value[cutAt] as number
  throw malformedOption(option, `sub-option ${code} of option ${option.code} is cut short`, cutAt)
}

/**
 * Reads code, length, value, one after the other.
 *
 * @returns what was whole, and where a sub-option began that does not end inside the value
 */
export function readSubOptions(value: Uint8Array): { found: SubOptions; cutAt: number | undefined } {
  const found = new Map<number, Uint8Array>()
  let at = 0
  while (at < value.length) {
    const code = value[at] as number
    const length = value[at + 1]
    const start = at + 2
    if (length === undefined || start + length > value.length) return { found, cutAt: at }
    if (!found.has(code)) found.set(code, value.subarray(start, start + length))
    at = start + length
  }
  return { found, cutAt: undefined }
}
