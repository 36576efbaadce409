/** Options inside of an option: relay agent information (82, RFC 3046 §2.0) and iPXE's (175). */
import { MalformedPacket } from '../../bytes/malformed.ts'
import { checkedValue, type DhcpOption } from '../option.ts'

/** Values of the sub-options by code; the first of equals. */
export type SubOptions = ReadonlyMap<number, Uint8Array>

/**
 * Reads code, length, value, one after the other.
 *
 * @throws {MalformedPacket} when a sub-option does not end inside the option
 */
export function subOptionsOf(option: DhcpOption): SubOptions {
  const value = checkedValue(option)
  const found = new Map<number, Uint8Array>()
  let at = 0
  while (at < value.length) {
    const code = value[at] as number
    const start = at + 2
    at = start + (value[at + 1] ?? 0)
    if (start > value.length || at > value.length) {
      throw new MalformedPacket(
        `sub-option ${code} of option ${option.code} is cut short`,
        (option.offset ?? 0) + start - 2,
      )
    }
    if (!found.has(code)) found.set(code, value.subarray(start, at))
  }
  return found
}
