/** Records as DNSEndpoint objects for ExternalDNS with its CRD source (externaldns.k8s.io/v1alpha1). Pure. */
import { stringify } from 'yaml'
import type { ResourceRecord } from '../../proto/dns/record.ts'
import { rdataText } from '../../plan/dns/zone.ts'
import type { Zone } from '../../plan/dns/plan.ts'
import { recordSets } from './route53.ts'

/** The maximum number of endpoints in one object. */
const maxEndpoints = 1000

/** The types that the schema of DNSEndpoint lacks. */
const unsupported: ReadonlySet<string> = new Set(['CAA'])

/** Returns one object for each zone, or several for a large one. */
export function dnsEndpoints(zones: readonly Zone[]): string {
  return zones.flatMap(objectsOf).join('---\n')
}

function objectsOf({ name, records }: Zone): string[] {
  const omitted = recordSets(records.filter(({ data }) => unsupported.has(data.type)))
  const endpoints = recordSets(records.filter(({ data }) => !unsupported.has(data.type))).map(endpointOf)
  const notes = omitted.map((set) => `# ExternalDNS has no ${label(set)}: add it by other means.\n`)
  return Array.from({ length: Math.ceil(endpoints.length / maxEndpoints) }, (_, index) => {
    const suffix = index === 0 ? '' : `-${index + 1}`
    const object = {
      apiVersion: 'externaldns.k8s.io/v1alpha1',
      kind: 'DNSEndpoint',
      metadata: { name: `slipway-${name.replaceAll('_', '-')}${suffix}` },
      spec: { endpoints: endpoints.slice(index * maxEndpoints, (index + 1) * maxEndpoints) },
    }
    return (index === 0 ? notes.join('') : '') + stringify(object, { version: '1.1', lineWidth: 0 })
  })
}

function label([record]: readonly ResourceRecord[]): string {
  return `${record?.data.type} record of ${record?.owner}`
}

function endpointOf(records: readonly ResourceRecord[]): object {
  const [{ owner, ttlSeconds, data }] = records as readonly [ResourceRecord]
  return { dnsName: owner, recordType: data.type, recordTTL: ttlSeconds, targets: records.map(target) }
}

/** Only the target of an SRV record ends with a dot; a text has no quotes. */
function target({ data }: ResourceRecord): string {
  if (data.type === 'TXT') return data.text
  const text = rdataText(data)
  return data.type === 'SRV' ? text : text.replace(/\.$/, '')
}
