/** Option values that are numbers: one or two octets, seconds, and lists of two-octet numbers. */
import { checkedValue, type DhcpOption } from '../option.ts'

/** @throws {MalformedPacket} when it is not one octet */
export function u8Of(option: DhcpOption): number {
  return checkedValue(option)[0] as number
}

/** @throws {MalformedPacket} when it is not two octets */
export function u16Of(option: DhcpOption): number {
  return u16At(checkedValue(option), 0)
}

/** @throws {MalformedPacket} when it is not a whole number of pairs, or none */
export function u16sOf(option: DhcpOption): number[] {
  const value = checkedValue(option)
  return Array.from({ length: value.length / 2 }, (_, index) => u16At(value, index * 2))
}

/** @throws {MalformedPacket} when it is not four octets */
export function secondsOf(option: DhcpOption): number {
  const value = checkedValue(option)
  return u16At(value, 0) * 0x10000 + u16At(value, 2)
}

export function encodeSeconds(seconds: number): Uint8Array {
  return encodeNumbers([seconds], 4)
}

/** Unsigned numbers of `octets` octets each, most significant octet first (RFC 2132 §2). */
export function encodeNumbers(numbers: readonly number[], octets: 1 | 2 | 4): Uint8Array {
  const shifts = [24, 16, 8, 0].slice(4 - octets)
  return Uint8Array.from(numbers.flatMap((number) => shifts.map((shift) => number >>> shift)))
}

function u16At(value: Uint8Array, at: number): number {
  return ((value[at] as number) << 8) | (value[at + 1] as number)
}
