/** Entries of dns.records: which records may share a name, which zone they belong to, and whether their targets exist. */
import { formatIp, isIpv4 } from '../../proto/address/ip.ts'
import {
  declaredClusters,
  machines,
  repetitions,
  answeringName,
  enclosingZone,
  withAncestors,
  forwardZoneNames,
} from '../declared.ts'
import {
  declaredRecords,
  freeAddress,
  isPointerInSubnet,
  pointerExpected,
  recordContents,
  type DeclaredRecord,
} from './pointers.ts'
import type { RuleViolation, Rule, Path } from '../problem.ts'
import type { Site } from '../schema.ts'

type Owner = {
  readonly name: string
  readonly path: Path
  readonly addresses: boolean
  readonly cname?: string
}

/** Names also come from machines, clusters, and zones, so all of these must be valid. */
const needs = ['server', 'dns', 'clusters', 'hosts'] as const

/** Returns names with addresses, and names that are aliases. */
function owners(site: Site): Owner[] {
  return [
    ...declaredClusters(site).flatMap(({ path, domain }) =>
      [
        ['api', `api.${domain}`],
        ['apiInternal', `api-int.${domain}`],
        ['ingress', `*.apps.${domain}`],
      ].map(([key, name]) => ({
        name: name as string,
        path: [...path, 'loadBalancer', ...(key === 'apiInternal' ? [] : [key as string])],
        addresses: true,
      })),
    ),
    ...machines(site).map(({ name, path }) => ({ name, path: [...path, 'name'], addresses: true })),
    ...declaredRecords(site).map(({ record: { name, address, cname }, path }) => ({
      name,
      path: [...path, 'name'],
      addresses: address !== undefined,
      ...(cname !== undefined && { cname }),
    })),
  ]
}

/** Returns the delegations. Impossible ones are left out, because another rule reports them. */
function delegations(site: Site): DeclaredRecord[] {
  const zones = forwardZoneNames(site)
  return declaredRecords(site).filter(
    ({ record: { name, ns } }) => ns !== undefined && !name.startsWith('*.') && !zones.includes(name),
  )
}

function nameServers(site: Site): Set<string> {
  const zones = forwardZoneNames(site)
  return new Set(site.dns.nameServers ?? zones.map((zone) => `ns1.${zone}`))
}

const hasData: Rule = {
  code: 'site.record-empty',
  needs: ['dns'],
  check: (site) =>
    declaredRecords(site)
      .filter(({ record }) => recordContents.every((key) => record[key] === undefined))
      .map(({ path }) => ({ path, message: `no records, expected one of ${recordContents.join(', ')}` })),
}

const oneEntry: Rule = {
  code: 'site.record-repeated',
  needs: ['dns'],
  check: (site) =>
    repetitions(declaredRecords(site), ({ record }) => record.name).map(({ first, again }) => ({
      path: [...again.path, 'name'],
      expected: 'each name once: put all records of a name into one entry',
      other: [...first.path, 'name'],
    })),
}

const inZone: Rule = {
  code: 'site.record-outside-zones',
  needs: ['dns', 'clusters', 'hosts', 'subnets'],
  check(site) {
    const zones = forwardZoneNames(site)
    const list = zones.join(', ') || 'there are none'
    const expected = `a name in one of the zones of this site (${list}): add its domain to dns.zones`
    return declaredRecords(site)
      .filter(({ record }) => enclosingZone(record.name, new Set(zones)) === undefined)
      .filter(({ record }) => !isPointerInSubnet(record, site))
      .map(({ record, path }) => ({
        path: [...path, 'name'],
        expected: record.name.endsWith('.in-addr.arpa') ? pointerExpected : expected,
      }))
  },
}

/** An alias has no other records (RFC 1034 §3.6.2). All records of a delegated name belong to the other zone. */
const exclusiveRecords: Rule = {
  code: 'site.record-not-alone',
  needs,
  check(site) {
    const zones = forwardZoneNames(site)
    const servers = nameServers(site)
    return declaredRecords(site).flatMap(({ record, path }): RuleViolation[] => {
      const key = record.cname !== undefined ? 'cname' : record.ns !== undefined ? 'ns' : undefined
      if (key === undefined) return []
      const what = key === 'cname' ? 'an alias' : 'delegated'
      const violation = (reason: string): RuleViolation[] => [
        { path: [...path, key], at: 'key', message: `${record.name} cannot be ${what}: ${reason}` },
      ]
      const other = recordContents.find((each) => each !== key && record[each] !== undefined)
      if (other !== undefined) return violation(`it also has ${other}, and ${key} must be the only key`)
      if (zones.includes(record.name)) return violation('it is the apex of a zone of this site')
      if (servers.has(record.name)) return violation('it is a name server of the zones') // RFC 2181 §10.3
      if (key === 'ns' && record.name.startsWith('*.')) return violation('it is a wildcard') // RFC 4592 §4.2
      return []
    })
  },
}

const freeName: Rule = {
  code: 'site.record-name-taken',
  needs,
  check(site) {
    const others = new Map(
      owners(site)
        .filter(({ path }) => path[0] !== 'dns')
        .map((owner) => [owner.name, owner]),
    )
    return declaredRecords(site).flatMap(({ record, path }): RuleViolation[] => {
      const other = others.get(record.name)
      const conflicting = record.address ?? record.cname ?? record.ns
      if (other === undefined || conflicting === undefined) return []
      const expected = `a name without addresses: ${record.name} already has some`
      return [{ path: [...path, 'name'], expected, other: other.path }]
    })
  },
}

/** RFC 2782: `_service._protocol.name`. */
const serviceName: Rule = {
  code: 'site.record-srv-name',
  needs: ['dns'],
  check: (site) =>
    declaredRecords(site)
      .filter(({ record }) => record.srv !== undefined && !/^_[^.]+\._[^.]+\../.test(record.name))
      .map(({ path }) => ({
        path: [...path, 'name'],
        expected: 'a name that starts with _service._protocol, because it has srv',
      })),
}

/** A target in a zone of this site must exist. Targets elsewhere cannot be checked. */
const targets: Rule = {
  code: 'site.record-target-unknown',
  needs,
  check(site) {
    const zones = new Set(forwardZoneNames(site))
    const byName = new Map(owners(site).map((owner) => [owner.name, owner]))
    for (const name of nameServers(site)) {
      if (!byName.has(name)) byName.set(name, { name, path: ['dns'], addresses: true })
    }
    const exists = new Set([...zones, ...[...byName.keys()].flatMap((name) => between(name, zones))])
    const cuts = new Set(delegations(site).map(({ record }) => record.name))
    const answering = (name: string) => byName.get(answeringName(name, exists) ?? '')

    /** Reports whether an alias finally leads to addresses or records, and not back to itself. */
    const resolves = (name: string, passed: readonly string[] = []): boolean => {
      const owner = answering(name)
      if (owner === undefined || passed.includes(owner.name)) return false
      if (enclosingZone(name, cuts) !== undefined) return false
      return owner.cname === undefined || resolves(owner.cname, [...passed, owner.name])
    }

    return declaredRecords(site).flatMap(
      ({ record: { name, cname, srv = [], mx = [], ns = [] }, path }): RuleViolation[] => {
        const isBroken = cname !== undefined && !resolves(cname, [name])
        const hosts = [
          ...srv.map(({ target }, index) => ({ target, path: [...path, 'srv', index, 'target'] })),
          ...mx.map(({ target }, index) => ({ target, path: [...path, 'mx', index, 'target'] })),
          ...ns.map((target, index) => ({ target, path: [...path, 'ns', index] })),
        ]
        return [
          ...(isBroken
            ? [
                {
                  path: [...path, 'cname'],
                  expected: 'an existing name in a zone of this site',
                },
              ]
            : []),
          ...hosts
            .filter(({ target }) => enclosingZone(target, zones) !== undefined)
            .filter(({ target }) => answering(target)?.addresses !== true)
            .map((host) => ({
              path: host.path,
              expected: `a name with addresses: declare the addresses of ${host.target}`, // RFC 2782, RFC 2181 §10.3
            })),
        ]
      },
    )
  },
}

/** Returns the name and its ancestors up to the apex of its zone. */
function between(name: string, zones: ReadonlySet<string>): string[] {
  const names = withAncestors(name)
  return names.slice(0, names.findIndex((each) => zones.has(each)) + 1)
}

/** Below a delegation only the addresses of its name servers are served: glue. */
const belowCuts: Rule = {
  code: 'site.record-below-delegation',
  needs,
  check(site) {
    const cuts = new Map(delegations(site).map((cut) => [cut.record.name, cut]))
    return owners(site).flatMap(({ name, path }): RuleViolation[] => {
      const cut = withAncestors(name)
        .slice(1)
        .find((ancestor) => cuts.has(ancestor))
      const found = cut === undefined ? undefined : cuts.get(cut)
      if (found === undefined || found.record.ns?.includes(name) === true) return []
      const message = `${name} is never served: ${cut} is delegated to other name servers`
      return [{ path, message, other: [...found.path, 'name'] }]
    })
  },
}

const secondaries: Rule = {
  code: 'site.secondary-invalid',
  needs: ['server', 'dns'],
  check({ server, dns }) {
    const listed = dns.secondaries.map((address, index) => ({ address, path: ['dns', 'secondaries', index] }))
    return [
      ...repetitions(listed, ({ address }) => address).map(({ first, again }) => ({
        path: again.path,
        expected: 'each secondary once',
        other: first.path,
      })),
      ...listed
        .filter(({ address }) => address === server.address || address === server.address6)
        .map(({ address, path }) => ({
          path,
          expected: `another server: ${formatIp(address)} is this server`,
          other: ['server', isIpv4(address) ? 'address' : 'address6'],
        })),
      ...listed
        .filter(({ address }) => !isIpv4(address) && server.address6 === undefined)
        .map(({ path }) => ({
          path,
          expected: 'an IPv4 address, because server.address6 is not set: NOTIFY is sent from it',
        })),
    ]
  },
}

/** Reverse zones follow from the subnets, and a zone can be listed once. */
const zones: Rule = {
  code: 'site.zone-invalid',
  needs: ['dns'],
  check({ dns }) {
    const listed = (dns.zones ?? []).map((zone, index) => ({ zone, path: ['dns', 'zones', index] }))
    return [
      ...repetitions(listed, ({ zone }) => zone).map(({ first, again }) => ({
        path: again.path,
        expected: 'each zone once',
        other: first.path,
      })),
      ...listed
        .filter(({ zone }) => enclosingZone(zone, new Set(['arpa'])) !== undefined)
        .map(({ path }) => ({ path, expected: 'a forward zone: the reverse zones follow from the subnets' })),
    ]
  },
}

export const recordRules = [
  hasData,
  oneEntry,
  inZone,
  freeAddress,
  exclusiveRecords,
  freeName,
  serviceName,
  targets,
  belowCuts,
  secondaries,
  zones,
]
