/** Zones as a name server's operator would write them (RFC 1035 §5), so that a test can be read by one. */
import { formatIpv4 } from '../../../src/proto/address/ip.ts'
import type { RecordData, ResourceRecord } from '../../../src/proto/dns/record.ts'
import type { Zone } from '../../../src/plan/dns/plan.ts'

/** One record per line, sorted; the SOA of each zone opens it, its serial is left out. */
export function zoneText(zones: readonly Zone[]): string {
  return zones
    .map(({ name, records }) => {
      const [soa, ...rest] = records.map(recordText)
      return [`; zone ${name}.`, soa, ...rest.sort(), ''].join('\n')
    })
    .join('\n')
}

export function recordText({ owner, ttlSeconds, data }: ResourceRecord): string {
  return `${owner}. ${ttlSeconds} IN ${data.type} ${rdataText(data)}`
}

function rdataText(data: RecordData): string {
  if ('rdata' in data) return data.text
  switch (data.type) {
    case 'A':
      return formatIpv4(data.address)
    case 'AAAA':
      return data.address
    case 'SOA':
      return `${data.mname}. ${data.rname}. SERIAL ${data.refresh} ${data.retry} ${data.expire} ${data.minimum}`
    case 'TXT':
      return JSON.stringify(data.text)
    case 'SRV':
      return `${data.priority} ${data.weight} ${data.port} ${data.target}.`
    case 'MX':
      return `${data.preference} ${data.target}.`
    case 'CAA':
      return `${data.isCritical ? 128 : 0} ${data.tag} ${JSON.stringify(data.value)}`
    default:
      return `${data.target}.`
  }
}
