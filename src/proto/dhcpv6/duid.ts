/** DHCP unique identifiers of clients and servers (RFC 8415 §11, RFC 6355). */
import { macFromOctets, macOctets, type Mac } from '../address/mac.ts'

/** RFC 8415 §11.1: a type of two octets, then up to 128 octets. */
export const maxDuidOctets = 130
const minDuidOctets = 3

/** RFC 8415 §11, RFC 6355 §6. */
export const DuidType = { linkLayerTime: 1, enterprise: 2, linkLayer: 3, uuid: 4 } as const

/** IANA "Hardware Types": Ethernet. */
const ethernet = 1

/** The octets in lower case hexadecimal, separated by colons: `00:03:00:01:52:54:00:00:00:01`. */
export type Duid = string & { readonly __brand: 'Duid' }

const hexOctets = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'))

export function formatDuid(octets: Uint8Array): Duid {
  let text = ''
  for (const octet of octets) text += (text === '' ? '' : ':') + (hexOctets[octet] as string)
  return text as Duid
}

/** Returns the octets of a DUID. */
export function duidOctets(duid: Duid): Uint8Array {
  return Uint8Array.from(duid.split(':'), (octet) => Number.parseInt(octet, 16))
}

/** Parses octets in hexadecimal with or without separators; returns `undefined` for anything else. */
export function parseDuid(text: string): Duid | undefined {
  if (!/^[0-9a-f]{2}(?:[: -]?[0-9a-f]{2})*$/i.test(text)) return undefined
  const octets = text.toLowerCase().match(/[0-9a-f]{2}/g) as string[]
  return isDuidLength(octets.length) ? (octets.join(':') as Duid) : undefined
}

export function isDuidLength(octets: number): boolean {
  return octets >= minDuidOctets && octets <= maxDuidOctets
}

/** Returns the Ethernet address in a DUID-LLT or DUID-LL (RFC 8415 §11.2 and §11.4); `undefined` for other types. */
export function macOfDuid(octets: Uint8Array): Mac | undefined {
  const type = u16(octets, 0)
  if (type !== DuidType.linkLayerTime && type !== DuidType.linkLayer) return undefined
  const start = type === DuidType.linkLayerTime ? 8 : 4
  if (u16(octets, 2) !== ethernet || octets.length !== start + 6) return undefined
  return macFromOctets(octets, start)
}

/** Returns the DUID-LL of an Ethernet address. */
export function linkLayerDuid(mac: Mac): Uint8Array {
  return Uint8Array.of(0, DuidType.linkLayer, 0, ethernet, ...macOctets(mac))
}

/** Returns a DUID-UUID (RFC 6355 §4). @param uuid sixteen octets */
export function uuidDuid(uuid: Uint8Array): Uint8Array {
  return Uint8Array.of(0, DuidType.uuid, ...uuid)
}

function u16(octets: Uint8Array, at: number): number {
  return ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)
}
