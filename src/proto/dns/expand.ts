/**
 * Takes records out of a message: expands compressed names, so that the record can be appended to another message
 * (RFC 1035 §4.1.4). The message has been walked, so all its names are valid.
 */
import { namesInRdata, type RecordPlace } from './walk.ts'

/** TYPE, CLASS, TTL, and RDLENGTH between the owner and the RDATA. */
const fixedOctets = 10

/** Returns the name at an offset without compression. */
export function expandName(octets: Uint8Array, at: number): Uint8Array {
  const name: number[] = []
  for (let offset = at; ;) {
    const length = octets[offset] as number
    if (length >= 0xc0) {
      offset = ((length & 0x3f) << 8) | (octets[offset + 1] as number)
      continue
    }
    name.push(...octets.subarray(offset, offset + 1 + length))
    if (length === 0) return Uint8Array.from(name)
    offset += 1 + length
  }
}

/**
 * Returns a record without compression.
 *
 * @param at the offset of its owner name
 */
export function expandRecord(octets: Uint8Array, at: number, { type, start, end }: RecordPlace): Uint8Array {
  const { after, count } = namesInRdata.get(type) ?? { after: 0, count: 0 }
  const parts = [octets.subarray(start, start + after)]
  let offset = start + after
  for (let index = 0; index < count; index++) {
    parts.push(expandName(octets, offset))
    offset = endOfName(octets, offset)
  }
  parts.push(octets.subarray(offset, end))
  const rdata = Uint8Array.from(parts.flatMap((part) => [...part]))
  const fixed = octets.slice(start - fixedOctets, start)
  fixed[fixedOctets - 2] = rdata.length >>> 8
  fixed[fixedOctets - 1] = rdata.length
  return Uint8Array.of(...expandName(octets, at), ...fixed, ...rdata)
}

function endOfName(octets: Uint8Array, at: number): number {
  let offset = at
  for (let length = octets[offset] as number; length > 0; length = octets[offset] as number) {
    if (length >= 0xc0) return offset + 2
    offset += 1 + length
  }
  return offset + 1
}
