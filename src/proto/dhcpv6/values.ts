/** Encodes and decodes the values of single DHCPv6 options. Values of the wrong length are ignored (RFC 8415 §16). */
import { macFromOctets, type Mac } from '../address/mac.ts'
import { Reader } from '../bytes.ts'
import { latin1 } from '../dhcp/values/text.ts'

/** Reads a list of numbers: options 6 (RFC 8415 §21.7) and 61 (RFC 5970 §3.3). An odd octet at the end is ignored. */
export function decodeNumbers(value: Uint8Array): number[] {
  const reader = new Reader(value)
  const numbers: number[] = []
  while (reader.remaining >= 2) numbers.push(reader.u16())
  return numbers
}

export function encodeNumbers(numbers: readonly number[]): Uint8Array {
  return Uint8Array.from(numbers.flatMap((number) => [number >>> 8, number & 255]))
}

/** Reads the texts of option 15, each with a length of two octets (RFC 8415 §21.15). A text that is cut off ends them. */
export function decodeClasses(value: Uint8Array): string[] {
  const reader = new Reader(value)
  const classes: string[] = []
  while (reader.remaining >= 2) {
    const octets = reader.u16()
    if (octets > reader.remaining) break
    classes.push(latin1(reader.take(octets)))
  }
  return classes
}

export function encodeClasses(classes: readonly string[]): Uint8Array {
  return Uint8Array.from(
    classes.flatMap((text) => [text.length >>> 8, text.length & 255, ...Buffer.from(text, 'latin1')]),
  )
}

/** Reads the texts of option 16 behind its enterprise number (RFC 8415 §21.16). */
export function decodeVendorClasses(value: Uint8Array): string[] {
  return decodeClasses(value.subarray(4))
}

/** Intel's enterprise number, which UEFI uses for PXEClient and HTTPClient (UEFI 2.10 §24.3.1 and §24.7). */
export const intelEnterprise = 343

export function encodeVendorClass(enterprise: number, classes: readonly string[]): Uint8Array {
  const octets = [enterprise >>> 24, (enterprise >>> 16) & 255, (enterprise >>> 8) & 255, enterprise & 255]
  return Uint8Array.of(...octets, ...encodeClasses(classes))
}

/**
 * A user class of `slipway simulate` (RFC 8415 §21.15): the server answers its messages like those of a machine, and does
 * not count them as its boot.
 */
export const simulationClass = 'slipway simulate'

/** Encodes names without compression (RFC 8415 §10), for options 24 and 39. */
export function encodeNames(names: readonly string[]): Uint8Array {
  const label = (text: string) => [text.length, ...Buffer.from(text, 'latin1')]
  return Uint8Array.from(names.flatMap((name) => [...name.split('.').flatMap(label), 0]))
}

/** @throws {MalformedPacket} when a name is cut off */
export function decodeNames(value: Uint8Array): string[] {
  const reader = new Reader(value)
  const names: string[] = []
  while (reader.remaining > 0) {
    const labels: string[] = []
    for (let octets = reader.u8(); octets > 0; octets = reader.u8()) labels.push(latin1(reader.take(octets)))
    names.push(labels.join('.'))
  }
  return names
}

/** RFC 4704 §4.1: N, the server performs no updates. */
const noUpdates = 0b100

/** Encodes option 39: the full name of the client (RFC 4704 §4). */
export function encodeFqdn(name: string): Uint8Array {
  return Uint8Array.of(noUpdates, ...encodeNames([name]))
}

/** Reads the Ethernet address that a relay agent adds (RFC 6939 §4): a hardware type, then the address. */
export function decodeLinkLayerAddress(value: Uint8Array): Mac | undefined {
  return value.length === 8 && value[0] === 0 && value[1] === 1 ? macFromOctets(value, 2) : undefined
}
