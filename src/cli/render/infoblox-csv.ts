/** Records as a file for the CSV import of Infoblox NIOS (CSV Import Reference, NIOS 8 and 9). Pure. */
import { caaFlags, type RecordData, type ResourceRecord } from '../../proto/dns/record.ts'
import { rdataText } from '../../plan/dns/zone.ts'
import type { Zone } from '../../plan/dns/plan.ts'

/** The columns of each record type after the object type; NIOS marks required ones with an asterisk. */
const columnsByType = {
  A: ['fqdn*', 'address*'],
  AAAA: ['fqdn*', 'address*'],
  CNAME: ['fqdn*', 'canonical_name'],
  PTR: ['fqdn', 'dname*'],
  SRV: ['fqdn*', 'port*', 'priority*', 'target*', 'weight*'],
  MX: ['fqdn*', 'mx*', 'priority*'],
  TXT: ['fqdn*', 'text'],
  CAA: ['fqdn*', 'ca_flag*', 'ca_tag*', 'ca_value*'],
} as const

/** The zones must exist in NIOS. Objects of one type follow a header that names their columns. */
export function infobloxCsv(zones: readonly Zone[]): string {
  const records = zones.flatMap((zone) => zone.records)
  const lines = Object.entries(columnsByType).flatMap(([type, columns]) => {
    const own = records.filter(({ data }) => data.type === type)
    if (own.length === 0) return []
    const object = `${type.toLowerCase()}record`
    return [
      [`header-${object}`, ...columns, 'ttl'],
      ...own.map((record) => [object, record.owner, ...cells(record.data), record.ttlSeconds]),
    ]
  })
  return [...lines, ...delegations(records)].map((row) => row.map(cell).join(',')).join('\n')
}

/** A delegated zone names its servers and their addresses. */
function delegations(records: readonly ResourceRecord[]): string[][] {
  const zones = Map.groupBy(
    records.filter(({ data }) => data.type === 'NS'),
    ({ owner }) => owner,
  )
  if (zones.size === 0) return []
  const rows = [...zones].map(([zone, servers]) => {
    const delegateTo = servers.map(({ data }) => {
      const { target } = data as RecordData & { type: 'NS' }
      const glue = records.find(({ owner, data: each }) => owner === target && each.type === 'A')
      return `${target}/${glue === undefined ? '' : rdataText(glue.data)}`
    })
    return ['delegatedzone', zone, 'FORWARD', delegateTo.join(',')]
  })
  return [['header-delegatedzone', 'fqdn*', 'zone_format*', 'delegate_to'], ...rows]
}

/** Returns the data in the order of its columns. */
function cells(data: RecordData): (string | number)[] {
  switch (data.type) {
    case 'SRV':
      return [data.port, data.priority, data.target, data.weight]
    case 'MX':
      return [data.target, data.preference]
    case 'CAA':
      return [caaFlags(data), data.tag, data.value]
    default:
      // A text is in quotes, without which NIOS drops blanks.
      return ['target' in data ? data.target : rdataText(data)]
  }
}

/** RFC 4180 §2 */
function cell(value: string | number): string {
  const text = String(value)
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
