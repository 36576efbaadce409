/**
 * Option values that are text: the classes of network boot clients (options 60 and 77), domain names (option 119, RFC
 * 3397), and the client machine identifier (option 97, RFC 4578 §2.3).
 */
import { printableAscii } from '../../../text/lines.ts'
import { checkedValue, type DhcpOption, malformedOption } from '../option.ts'

/**
 * Returns the text of an option, one character per octet (Latin-1), unfiltered. RFC 2132 §2: senders
 * should not append NULs, and receivers must remove them.
 *
 * @throws {MalformedPacket} when the option has a type with a fixed length; never for text
 */
export function textOf(option: DhcpOption): string {
  return latin1(checkedValue(option)).replace(/\0+$/, '')
}

/** @param text ASCII only: names, paths, and our own messages */
export function encodeText(text: string): Uint8Array {
  // An iteration over the text takes many times as long, and a rack that boots needs several texts for each node.
  const octets = new Uint8Array(text.length)
  for (let index = 0; index < text.length; index++) octets[index] = text.charCodeAt(index)
  return octets
}

export function latin1(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets) text += String.fromCharCode(octet)
  return text
}

/** Returns a client's text in a form that is safe for logs and terminals: short, and printable ASCII only. */
export function shownText(text: string): string {
  return printableAscii(text, maxShownLength)
}

const maxShownLength = 128

/** Indexes of the octets on the wire, in the order of the text. */
const textOrder = [[3, 2, 1, 0], [5, 4], [7, 6], [8, 9], [10, 11, 12, 13, 14, 15]] as const // prettier-ignore

/**
 * Formats option 97 as the machine's label, its BMC, and `dmidecode` show it. On the wire the first three fields
 * are little-endian, as in SMBIOS since 2.6 (captures of OVMF and iPXE: `44454c4c` for `4c4c4544`).
 *
 * @returns `undefined` for other types of identifier, and for the UUIDs that mean "not set" (all zeros, all ones)
 */
export function formatUuid(value: Uint8Array): string | undefined {
  if (value.length !== 17 || value[0] !== 0) return undefined
  const uuid = value.subarray(1)
  if (uuid.every((octet) => octet === uuid[0]) && (uuid[0] === 0 || uuid[0] === 255)) return undefined
  return textOrder
    .map((field) => field.map((at) => (uuid[at] as number).toString(16).padStart(2, '0')).join(''))
    .join('-')
}

// The classes that network boot clients send: the vendor class (option 60), `PXEClient:Arch:00007:UNDI:003000` (RFC
// 4578 §3), and the user class (option 77), RFC 3004 instances or the bare text that iPXE sends.

/** The first word of firmware's vendor class, which selects the boot protocol. */
export type BootProtocol = 'PXEClient' | 'HTTPClient'

export type BootVendorClass = {
  readonly protocol: BootProtocol
  /** The client system architecture in the text, for clients without option 93. */
  readonly architecture: number | undefined
}

/**
 * Returns `undefined` when the first word is not that of network boot firmware (RFC 4578 §3). U-Boot sends `U-Boot.armv8`,
 * and uses TFTP.
 */
export function parseBootVendorClass(text: string): BootVendorClass | undefined {
  if (/^U-Boot(?:\.|$)/.test(text)) return { protocol: 'PXEClient', architecture: undefined }
  const match = /^(PXEClient|HTTPClient)(?::Arch:(\d{5})(?::|$))?/.exec(text)
  if (match === null) return undefined
  const [, protocol, architecture] = match
  return {
    protocol: protocol as BootProtocol,
    architecture: architecture === undefined ? undefined : Number(architecture),
  }
}

/**
 * Returns the user classes of a client.
 *
 *      +---------+------------------+---------+------------------+
 *      | length1 | user class data1 | length2 | user class data2 | …        RFC 3004 §4
 *      +---------+------------------+---------+------------------+
 *
 * Deviates from RFC 3004 §4: a value that is not such a list is one class. iPXE sends
 * `iPXE` bare (all captures of iPXE 1.0.0+git-20190125), where 0x69 would be a length of 105.
 */
export function userClassesOf(option: DhcpOption): string[] {
  const value = checkedValue(option)
  const classes: string[] = []
  let at = 0
  while (at < value.length) {
    const length = value[at] as number
    const next = at + 1 + length
    if (length === 0 || next > value.length) return [latin1(value)]
    classes.push(latin1(value.subarray(at + 1, next)))
    at = next
  }
  return classes
}

// The domain search list (option 119, RFC 3397): names as in RFC 1035 §3.1, compressed as in §4.1.4. Also names
// without compression, for options that do not define it.

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
