/** Entries of dns.records as a list, and those with PTR records: for addresses without a reverse name, in the subnets. */
import { cidrContains, parseIpv4, type Ipv4 } from '../../proto/address/ip.ts'
import { machines } from '../declared.ts'
import type { Path, Rule, RuleViolation } from '../problem.ts'
import type { DnsRecord, Site } from '../schema.ts'

export type DeclaredRecord = { readonly record: DnsRecord; readonly path: Path }

export const recordContents = ['address', 'cname', 'txt', 'srv', 'mx', 'caa', 'ns', 'ptr', 'other'] as const

export function declaredRecords(site: Site): DeclaredRecord[] {
  return site.dns.records.map((record, index) => ({ record, path: ['dns', 'records', index] }))
}

export const pointerExpected =
  'the reverse name of an address in one of the subnets, with ptr and no other records'

/** `5.0.16.172.in-addr.arpa` for 172.16.0.5 (RFC 1035 §3.5) */
function reversedAddress(name: string): Ipv4 | undefined {
  const [, octets = ''] = /^([\d.]+)\.in-addr\.arpa$/.exec(name) ?? []
  return parseIpv4(octets.split('.').reverse().join('.'))
}

/** The reverse zones are those of the subnets, and they can have pointers only. */
export function isPointerInSubnet(record: DnsRecord, { subnets }: Site): boolean {
  const address = reversedAddress(record.name)
  if (address === undefined || recordContents.some((key) => key !== 'ptr' && record[key] !== undefined))
    return false
  return subnets.some(({ cidr }) => cidrContains(cidr, address))
}

/** The only reverse name of a node must be its own: it can take its host name from there (openshift/installer#6146). */
export const freeAddress: Rule = {
  code: 'site.record-pointer-taken',
  needs: ['server', 'dns', 'clusters', 'hosts'],
  check(site) {
    const owners = new Map(
      machines(site).flatMap((machine) => machine.addresses.map((address) => [address, machine])),
    )
    return declaredRecords(site).flatMap(({ record, path }): RuleViolation[] => {
      const owner = owners.get(reversedAddress(record.name) as Ipv4)
      if (record.ptr === undefined || owner === undefined) return []
      return [
        {
          path: [...path, 'name'],
          expected: `an address without a reverse name: ${owner.name} has this one automatically`,
          other: [...owner.path, 'address'],
        },
      ]
    })
  },
}
