/** Where an alias leads, as far as our zones know (RFC 1034 §4.3.2 step 3a): a client that asks us does not ask again. */
import type { ResourceRecord } from '../../proto/dns/record.ts'
import { answeringName } from '../../site/zones.ts'
import type { Name } from './zone-content.ts'

export type Alias = {
  /** The CNAME records on the way. */
  readonly chain: readonly ResourceRecord[]
  /** What the last of them leads to, under that name; nothing when it is not ours, not there, or no end is. */
  readonly end: Name | undefined
}

/** @returns nothing for a name that is no alias */
export function followAlias(name: string, names: ReadonlyMap<string, Name>): Alias | undefined {
  const chain: ResourceRecord[] = []
  const passed = new Set<string>()
  let at = name
  for (;;) {
    const found = names.get(answeringName(at, names) ?? at)
    const next = found?.byType.get('CNAME')?.[0]
    if (next?.data.type !== 'CNAME' || passed.has(at)) {
      const end = next === undefined ? found : undefined
      return chain.length === 0 ? undefined : { chain, end: end && named(end, at) }
    }
    chain.push({ ...next, owner: at })
    passed.add(at)
    at = next.data.target
  }
}

/** A wildcard answers under the name that was asked for (RFC 4592 §3.3.1). */
function named({ zone, byType }: Name, owner: string): Name {
  const records = [...byType].map(
    ([type, each]) => [type, each.map((record) => ({ ...record, owner }))] as const,
  )
  return { zone, byType: new Map(records) }
}
