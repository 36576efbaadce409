/**
 * SOA serials: they increase when a zone changes, and never decrease while the process runs (RFC 1982 §3). They are the
 * modification time of the site file (docs/decisions/0013).
 */
import type { ResourceRecord } from '../../proto/dns/record.ts'
import type { Zone } from './plan.ts'

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
