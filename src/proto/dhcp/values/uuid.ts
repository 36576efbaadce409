/** The client machine identifier (option 97, RFC 4578 §2.3): a type octet, and a UUID where that is 0. */

/** Of the octets on the wire, in the order of the text. */
const textOrder = [[3, 2, 1, 0], [5, 4], [7, 6], [8, 9], [10, 11, 12, 13, 14, 15]] as const // prettier-ignore

/**
 * As the machine's label, its BMC and `dmidecode` show it. On the wire its first three fields have their least
 * significant octet first, as in SMBIOS since 2.6 (captures of OVMF and iPXE: `44454c4c` for `4c4c4544`).
 *
 * @returns nothing for another kind of identifier, and for the UUIDs that stand for none (all zeros, all ones)
 */
export function formatUuid(value: Uint8Array): string | undefined {
  if (value.length !== 17 || value[0] !== 0) return undefined
  const uuid = value.subarray(1)
  if (uuid.every((octet) => octet === uuid[0]) && (uuid[0] === 0 || uuid[0] === 255)) return undefined
  return textOrder
    .map((field) => field.map((at) => (uuid[at] as number).toString(16).padStart(2, '0')).join(''))
    .join('-')
}
