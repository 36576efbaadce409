/**
 * SOA serials: they rise when a zone changes and never fall while the process runs (RFC 1982 §3). Why they
 * are the site file's time: docs/decisions/0013.
 */
import type { ResourceRecord } from '../../proto/dns/record.ts'
import type { Zone } from './plan.ts'

/** @param previous the zone as it was served until now */
export function withSerial(zone: Zone, serial: number, previous: Zone | undefined): Zone {
  if (previous === undefined) return numbered(zone, serial)
  const last = serialOf(previous)
  if (isNewerSerial(serial, last)) return numbered(zone, serial)
  // The site's is not new: another file with an older time, or a second change within a second.
  return numbered(zone, isSame(zone, numbered(previous, serialOf(zone))) ? last : following(last))
}

export function serialOf({ records: [soa] }: Zone): number {
  return soa?.data.type === 'SOA' ? soa.data.serial : 0
}

/** Numbers go round after 2^32: of two, the later one is less than half a round ahead (RFC 1982 §3.2). */
export function isNewerSerial(serial: number, than: number): boolean {
  return ((serial - than) | 0) > 0
}

/** 0 is left out: some programs take it for none. */
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
