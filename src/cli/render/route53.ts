/** Records as change batches for Amazon Route 53 (ChangeResourceRecordSets, API version 2013-04-01). Pure. */
import type { ResourceRecord } from '../../proto/dns/record.ts'
import { rdataText } from '../../plan/dns/zone.ts'
import type { Zone } from '../../plan/dns/plan.ts'

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
export function recordSets(records: readonly ResourceRecord[]): readonly (readonly ResourceRecord[])[] {
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
