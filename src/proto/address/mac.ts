/** Ethernet hardware addresses. */

/** Six octets in lower case hexadecimal, separated by colons: `00:50:56:96:11:c2`. */
export type Mac = string & { readonly __brand: 'Mac' }

const spellings = [
  /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i, // 00:50:56:96:11:c2
  /^(?:[0-9a-f]{2}-){5}[0-9a-f]{2}$/i, // 00-50-56-96-11-C2
  /^(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}$/i, // 0050.5696.11c2
  /^[0-9a-f]{12}$/i, // 0050569611c2
]

/** Parses the formats that switches, hypervisors, and BMCs print; returns `undefined` for anything else. */
export function parseMac(text: string): Mac | undefined {
  if (!spellings.some((spelling) => spelling.test(text))) return undefined
  const digits = text.replaceAll(/[^0-9a-f]/gi, '').toLowerCase()
  return (digits.match(/../g) as string[]).join(':') as Mac
}

/** Returns the address at `offset` of a packet; the caller must check that six octets are present. */
export function macFromOctets(octets: Uint8Array, offset = 0): Mac {
  let text = ''
  for (let index = 0; index < 6; index++) {
    text += (index === 0 ? '' : ':') + (hexOctets[octets[offset + index] as number] as string)
  }
  return text as Mac
}

export function macOctets(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(':'), (octet) => Number.parseInt(octet, 16))
}

/** Returns false for 00:00:00:00:00:00, broadcast, and multicast addresses (IEEE 802, first octet bit 0). */
export function isUnicastMac(mac: Mac): boolean {
  return mac !== '00:00:00:00:00:00' && (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0
}

const hexOctets = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'))
