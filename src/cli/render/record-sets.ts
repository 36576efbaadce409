/**
 * Records of a site for services that store sets of records with one name and type: change batches for Amazon Route 53
 * (ChangeResourceRecordSets, API version 2013-04-01), and DNSEndpoint objects for ExternalDNS with its CRD source
 * (externaldns.k8s.io/v1alpha1). Pure.
 */
import { stringify } from 'yaml'
import type { Zone } from '../../plan/dns/plan.ts'
import { rdataText } from '../../plan/dns/zone.ts'
import type { ResourceRecord } from '../../proto/dns/record.ts'

type Change = {
  readonly Action: 'UPSERT'
  readonly ResourceRecordSet: {
    readonly Name: string
    readonly Type: string
    readonly TTL: number
    readonly ResourceRecords: readonly { readonly Value: string }[]
  }
}

/** A request has at most 1,000 records and 32,000 characters in their values; UPSERT counts each twice. */
const maxRecords = 500
const maxCharacters = 16_000

/** Returns one change batch in each line; the comment names the hosted zone that it is for. */
export function route53Batches(zones: readonly Zone[]): string {
  return zones
    .flatMap(({ name, records }) => {
      const batches = inBatches(recordSets(records).map(changeOf))
      return batches.map((changes, index) =>
        JSON.stringify({
          Comment: `zone ${name}., batch ${index + 1} of ${batches.length}`,
          Changes: changes,
        }),
      )
    })
    .join('\n')
}

/** Groups records with the same name and type. */
function recordSets(records: readonly ResourceRecord[]): readonly (readonly ResourceRecord[])[] {
  return [...Map.groupBy(records, ({ owner, data }) => `${owner} ${data.type}`).values()]
}

function changeOf(records: readonly ResourceRecord[]): Change {
  const [{ owner, ttlSeconds, data }] = records as readonly [ResourceRecord]
  return {
    Action: 'UPSERT',
    ResourceRecordSet: {
      Name: `${owner}.`,
      Type: data.type,
      TTL: ttlSeconds,
      ResourceRecords: records.map((record) => ({ Value: withOctalEscapes(rdataText(record.data)) })),
    },
  }
}

/** Escapes of a master file are decimal (RFC 1035 §5.1), those of Route 53 are octal. */
function withOctalEscapes(text: string): string {
  return text.replaceAll(/\\(\d{3}|.)/g, (escape, digits: string) =>
    digits.length === 3 ? `\\${Number(digits).toString(8).padStart(3, '0')}` : escape,
  )
}

function inBatches(changes: readonly Change[]): Change[][] {
  const batches: Change[][] = []
  let [count, characters] = [0, 0]
  for (const change of changes) {
    const values = change.ResourceRecordSet.ResourceRecords.map(({ Value }) => Value)
    const length = values.join('').length
    if (batches.length === 0 || count + values.length > maxRecords || characters + length > maxCharacters) {
      batches.push([])
      count = characters = 0
    }
    batches.at(-1)?.push(change)
    count += values.length
    characters += length
  }
  return batches
}

/** The maximum number of endpoints in one object. */
const maxEndpoints = 1000

/** The types that the schema of DNSEndpoint lacks. */
const unsupported: ReadonlySet<string> = new Set(['CAA'])

function isUnsupported({ data }: ResourceRecord): boolean {
  return unsupported.has(data.type) || ('rdata' in data && data.type !== 'NAPTR')
}

/** Returns one object for each zone, or several for a large one. */
export function dnsEndpoints(zones: readonly Zone[]): string {
  return zones.flatMap(objectsOf).join('---\n')
}

function objectsOf({ name, records }: Zone): string[] {
  const omitted = recordSets(records.filter(isUnsupported))
  const endpoints = recordSets(records.filter((record) => !isUnsupported(record))).map(endpointOf)
  const notes = omitted.map(
    (set) => `# ExternalDNS does not support the ${label(set)}: add it by other means.\n`,
  )
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
