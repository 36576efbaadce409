/**
 * The domain search list (option 119, RFC 3397): names as in RFC 1035 §3.1, compressed as in §4.1.4. Also names
 * without compression, for options that do not define it.
 */
import { checkedValue, malformedOption, type DhcpOption } from '../option.ts'
import { encodeText, latin1 } from './text.ts'

const maxNameLength = 253
/** RFC 1035 §4.1.4: a pointer has 14 bits and is an offset into the option's value (RFC 3397 §2). */
const maxPointer = 0x3fff
const pointerBits = 0xc0

/**
 * Encodes names with compression, as RFC 3397 §2 requires. Pointers only lead backwards, so the list can be cut
 * after any name.
 *
 * @param names without the last dot; labels have at most 63 octets
 */
export function encodeDomainSearch(names: readonly string[]): Uint8Array {
  const octets: number[] = []
  const offsetByEnding = new Map<string, number>()
  for (const name of names) putName(octets, name.split('.'), offsetByEnding)
  return Uint8Array.from(octets)
}

/** Encodes names without compression; decoders of compressed names read them too. */
export function encodeDomainNames(names: readonly string[]): Uint8Array {
  const octets: number[] = []
  for (const name of names) putName(octets, name.split('.'), new Map())
  return Uint8Array.from(octets)
}

/** Writes length-prefixed labels, ending with a pointer to a suffix written before, or with the root's zero. */
function putName(octets: number[], labels: readonly string[], offsetByEnding: Map<string, number>): void {
  for (const [index, label] of labels.entries()) {
    const ending = labels.slice(index).join('.')
    const offset = offsetByEnding.get(ending)
    if (offset !== undefined) {
      octets.push(pointerBits | (offset >>> 8), offset & 255)
      return
    }
    if (octets.length <= maxPointer) offsetByEnding.set(ending, octets.length)
    octets.push(label.length, ...encodeText(label))
  }
  octets.push(0)
}

/**
 * Returns the names without their last dot. The parts of a split option must be joined already (RFC 3397 §2,
 * RFC 3396 §7).
 *
 * @throws {MalformedPacket} when a name does not end inside the option, is too long, or a pointer leads forwards
 */
export function domainSearchOf(option: DhcpOption): string[] {
  const value = checkedValue(option)
  const names: string[] = []
  for (let at = 0; at < value.length;) {
    const { name, next } = nameAt(value, at, option)
    names.push(name)
    at = next
  }
  return names
}

function nameAt(value: Uint8Array, start: number, option: DhcpOption): { name: string; next: number } {
  const malformed = (what: string) => malformedOption(option, `option ${option.code} has ${what}`, at)
  let name = ''
  let at = start
  // Where the list continues, once a pointer was followed. Each pointer must lead before the previous one.
  let next: number | undefined
  let earliest = start
  for (;;) {
    const length = value[at]
    if (length === undefined) throw malformed('a name without an end')
    if (length === 0) return { name, next: next ?? at + 1 }
    if (length >= pointerBits) {
      const low = value[at + 1]
      const target = ((length & 0x3f) << 8) | (low ?? 0)
      if (low === undefined || target >= earliest) throw malformed('a pointer that does not lead backwards')
      next ??= at + 2
      earliest = target
      at = target
      continue
    }
    const label = value.subarray(at + 1, at + 1 + length)
    if (length > 63 || label.length < length) throw malformed('a label that is too long')
    name += (name === '' ? '' : '.') + latin1(label)
    if (name.length > maxNameLength) throw malformed(`a name of more than ${maxNameLength} characters`)
    at += 1 + length
  }
}
