/**
 * What a zone is besides its records: its serial, and its text as a master file (RFC 1035 §5). Serials increase when a zone
 * changes, and never decrease while the process runs (RFC 1982 §3). They are the modification time of the site file
 * (docs/decisions/0013). Pure.
 */
import { type ResourceRecord, caaFlags, characterStrings, type RecordData } from '../../proto/dns/record.ts'
import { quotedText } from '../../proto/dns/words.ts'
import type { Zone } from './plan.ts'
import { formatIpv4 } from '../../proto/address/ip.ts'

/** @param previous the zone of the previous plan */
export function withSerial(zone: Zone, serial: number, previous: Zone | undefined): Zone {
  if (previous === undefined) return numbered(zone, serial)
  const last = serialOf(previous)
  if (isNewerSerial(serial, last)) return numbered(zone, serial)
  // The site file is older, or changed twice within a second.
  return numbered(zone, isSame(zone, numbered(previous, serialOf(zone))) ? last : following(last))
}

export function serialOf({ records: [soa] }: Zone): number {
  return soa?.data.type === 'SOA' ? soa.data.serial : 0
}

/** Serials wrap around at 2^32: the newer one is less than 2^31 ahead (RFC 1982 §3.2). */
export function isNewerSerial(serial: number, than: number): boolean {
  return ((serial - than) | 0) > 0
}

/** Skips 0, which some programs treat as no serial. */
function following(serial: number): number {
  return serial === 0xffff_ffff ? 1 : serial + 1
}

function numbered({ name, records }: Zone, serial: number): Zone {
  const number = (record: ResourceRecord): ResourceRecord =>
    record.data.type === 'SOA' ? { ...record, data: { ...record.data, serial } } : record
  return { name, records: records.map(number) }
}

function isSame(one: Zone, other: Zone): boolean {
  return JSON.stringify(one.records) === JSON.stringify(other.records)
}

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
  if ('rdata' in data) return data.text
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
      return characterStrings(data.text).map(quotedText).join(' ')
    case 'SRV':
      return `${data.priority} ${data.weight} ${data.port} ${data.target}.`
    case 'MX':
      return `${data.preference} ${data.target}.`
    case 'CAA':
      return `${caaFlags(data)} ${data.tag} ${quotedText(Buffer.from(data.value))}`
    case 'SOA': {
      const { mname, rname, serial, refresh, retry, expire, minimum } = data
      return `${mname}. ${rname}. ${serial} ${refresh} ${retry} ${expire} ${minimum}`
    }
  }
}
