/** Zones as master files (RFC 1035 §5), for another name server to load or validate. Pure. */
import type { Zone } from './plan.ts'
import { formatIpv4 } from '../../proto/address/ip.ts'
import { characterStrings, type RecordData, type ResourceRecord } from '../../proto/dns/record.ts'

/** Writes one zone with full names, so that each line means the same in any file. */
export function zoneFile({ name, records }: Zone): string {
  const rows = records.map(row)
  const width = (column: 0 | 1 | 2) => Math.max(...rows.map((cells) => cells[column].length))
  const [owners, ttls, types] = [width(0), width(1), width(2)]
  const lines = rows.map(
    ([owner, ttl, type, data]) =>
      `${owner.padEnd(owners)}  ${ttl.padStart(ttls)}  IN  ${type.padEnd(types)}  ${data}`,
  )
  return [`; zone ${name}.`, ...lines].join('\n')
}

type Row = readonly [owner: string, ttl: string, type: string, data: string]

function row({ owner, ttlSeconds, data }: ResourceRecord): Row {
  return [`${owner}.`, String(ttlSeconds), data.type, rdataText(data)]
}

/** Formats record data for a master file: names end in a dot. */
export function rdataText(data: RecordData): string {
  switch (data.type) {
    case 'A':
      return formatIpv4(data.address)
    case 'AAAA':
      return data.address
    case 'NS':
    case 'CNAME':
    case 'PTR':
      return `${data.target}.`
    case 'TXT':
      return characterStrings(data.text).map(quoted).join(' ')
    case 'SRV':
      return `${data.priority} ${data.weight} ${data.port} ${data.target}.`
    case 'SOA': {
      const { mname, rname, serial, refresh, retry, expire, minimum } = data
      return `${mname}. ${rname}. ${serial} ${refresh} ${retry} ${expire} ${minimum}`
    }
  }
}

/** Quotes a character-string; escapes what would end it and what is not ASCII (RFC 1035 §5.1). */
function quoted(octets: Uint8Array): string {
  const characters = Array.from(octets, (octet) => {
    if (octet < 0x20 || octet > 0x7e) return `\\${String(octet).padStart(3, '0')}`
    const character = String.fromCharCode(octet)
    return character === '"' || character === '\\' ? `\\${character}` : character
  })
  return `"${characters.join('')}"`
}
