/** Records of the name server: what may stand beside what, in whose zone, and whether their targets are there. */
import { formatIpv4 } from '../../proto/address/ipv4.ts'
import { declaredClusters, machines, repetitions } from '../declared.ts'
import type { Violation, Rule } from '../violation.ts'
import type { Path } from '../problem.ts'
import type { DnsRecord, Site } from '../schema.ts'
import { answeringName, enclosingZone, forwardZoneNames, withAncestors } from '../zones.ts'

type Written = { readonly record: DnsRecord; readonly path: Path }
type Owner = {
  readonly name: string
  readonly path: Path
  readonly addresses: boolean
  readonly cname?: string
}

/** A name is known by machines, clusters and zones too, so all of these must be whole. */
const needs = ['server', 'dns', 'clusters', 'hosts'] as const

const contents = ['address', 'cname', 'txt', 'srv', 'ns'] as const

function written(site: Site): Written[] {
  return site.dns.records.map((record, index) => ({ record, path: ['dns', 'records', index] }))
}

/** Names with addresses, and names that are aliases. */
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
    ...written(site).map(({ record: { name, address, cname }, path }) => ({
      ...{ name, path: [...path, 'name'], addresses: address !== undefined },
      ...(cname === undefined ? {} : { cname }),
    })),
  ]
}

/** Where zones of others begin; what cannot be one is said of it alone. */
function delegations(site: Site): Written[] {
  const zones = forwardZoneNames(site)
  return written(site).filter(
    ({ record: { name, ns } }) => ns !== undefined && !name.startsWith('*.') && !zones.includes(name),
  )
}

function nameServers(site: Site): Set<string> {
  const zones = forwardZoneNames(site)
  return new Set(site.dns.nameServers ?? zones.map((zone) => `ns1.${zone}`))
}

const something: Rule = {
  needs: ['dns'],
  check: (site) =>
    written(site)
      .filter(({ record }) => contents.every((key) => record[key] === undefined))
      .map(({ path }) => ({ path, message: `nothing to say, expected one of ${contents.join(', ')}` })),
}

const oneEntry: Rule = {
  needs: ['dns'],
  check: (site) =>
    repetitions(written(site), ({ record }) => record.name).map(({ first, again }) => ({
      path: [...again.path, 'name'],
      expected: 'a name of its own: all records of a name are one entry',
      other: [...first.path, 'name'],
    })),
}

const inZone: Rule = {
  needs: ['dns', 'clusters', 'hosts'],
  check(site) {
    const zones = forwardZoneNames(site)
    const expected = `a name in one of the site's zones (${zones.join(', ') || 'there are none'})`
    return written(site)
      .filter(({ record }) => enclosingZone(record.name, new Set(zones)) === undefined)
      .map(({ path }) => ({ path: [...path, 'name'], expected }))
  },
}

/** RFC 1034 §3.6.2: an alias has nothing of its own. The name of a delegation is another's, all of it. */
const alone: Rule = {
  needs,
  check(site) {
    const zones = forwardZoneNames(site)
    const servers = nameServers(site)
    return written(site).flatMap(({ record, path }): Violation[] => {
      const key = record.cname !== undefined ? 'cname' : record.ns !== undefined ? 'ns' : undefined
      if (key === undefined) return []
      const what = key === 'cname' ? 'an alias' : "the beginning of another's zone"
      const flaw = (reason: string): Violation[] => [
        { path: [...path, key], at: 'key', message: `${record.name} cannot be ${what}: ${reason}` },
      ]
      const beside = contents.find((other) => other !== key && record[other] !== undefined)
      if (beside !== undefined) return flaw(`it has ${beside} too, and ${key} stands alone`)
      if (zones.includes(record.name)) return flaw('a zone of this site begins there')
      if (servers.has(record.name)) return flaw('it is a name server of the zones') // RFC 2181 §10.3
      if (key === 'ns' && record.name.startsWith('*.')) return flaw('it is a wildcard') // RFC 4592 §4.2
      return []
    })
  },
}

const taken: Rule = {
  needs,
  check(site) {
    const others = new Map(
      owners(site)
        .filter(({ path }) => path[0] !== 'dns')
        .map((owner) => [owner.name, owner]),
    )
    return written(site).flatMap(({ record, path }): Violation[] => {
      const other = others.get(record.name)
      const isBeside = record.address ?? record.cname ?? record.ns
      if (other === undefined || isBeside === undefined) return []
      const expected = `a name without addresses: ${record.name} has its own`
      return [{ path: [...path, 'name'], expected, other: other.path }]
    })
  },
}

/** RFC 2782: `_service._protocol.name`. */
const serviceName: Rule = {
  needs: ['dns'],
  check: (site) =>
    written(site)
      .filter(({ record }) => record.srv !== undefined && !/^_[^.]+\._[^.]+\../.test(record.name))
      .map(({ path }) => ({
        path: [...path, 'name'],
        expected: 'a name that begins with _service._protocol, for srv',
      })),
}

/** What is not there for sure is a slip of the pen; what lies in nobody's zone here cannot be known. */
const targets: Rule = {
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

    /** Whether an alias leads to addresses or records in the end, and not back to itself. */
    const ends = (name: string, passed: readonly string[] = []): boolean => {
      const owner = answering(name)
      if (owner === undefined || passed.includes(owner.name)) return false
      if (enclosingZone(name, cuts) !== undefined) return false
      return owner.cname === undefined || ends(owner.cname, [...passed, owner.name])
    }

    return written(site).flatMap(({ record: { name, cname, srv = [], ns = [] }, path }): Violation[] => {
      const isBroken = cname !== undefined && !ends(cname, [name])
      const hosts = [
        ...srv.map(({ target }, index) => ({ target, path: [...path, 'srv', index, 'target'] })),
        ...ns.map((target, index) => ({ target, path: [...path, 'ns', index] })),
      ]
      return [
        ...(isBroken
          ? [
              {
                path: [...path, 'cname'],
                expected: 'a name of this site that exists: nodes ask for no other',
              },
            ]
          : []),
        ...hosts
          .filter(({ target }) => enclosingZone(target, zones) !== undefined)
          .filter(({ target }) => answering(target)?.addresses !== true)
          .map((host) => ({
            path: host.path,
            expected: `a name with addresses: declare those of ${host.target} here`, // RFC 2782, RFC 2181 §10.3
          })),
      ]
    })
  },
}

/** The name and all above it, as far as its zone reaches. */
function between(name: string, zones: ReadonlySet<string>): string[] {
  const names = withAncestors(name)
  return names.slice(0, names.findIndex((each) => zones.has(each)) + 1)
}

/** Below a cut only the addresses of its servers have a meaning here: glue. */
const belowCuts: Rule = {
  needs,
  check(site) {
    const cuts = new Map(delegations(site).map((cut) => [cut.record.name, cut]))
    return owners(site).flatMap(({ name, path }): Violation[] => {
      const cut = withAncestors(name)
        .slice(1)
        .find((ancestor) => cuts.has(ancestor))
      const found = cut === undefined ? undefined : cuts.get(cut)
      if (found === undefined || found.record.ns?.includes(name) === true) return []
      const message = `${name} is never asked for here: ${cut} is delegated to others`
      return [{ path, message, other: [...found.path, 'name'] }]
    })
  },
}

const secondaries: Rule = {
  needs: ['server', 'dns'],
  check({ server, dns }) {
    const places = dns.secondaries.map((address, index) => ({ address, path: ['dns', 'secondaries', index] }))
    return [
      ...repetitions(places, ({ address }) => address).map(({ first, again }) => ({
        path: again.path,
        expected: 'each secondary once',
        other: first.path,
      })),
      ...places
        .filter(({ address }) => address === server.address)
        .map(({ path }) => ({
          path,
          expected: `another server: ${formatIpv4(server.address)} is this one`,
          other: ['server', 'address'],
        })),
    ]
  },
}

export const recordRules = [
  something,
  oneEntry,
  inZone,
  alone,
  taken,
  serviceName,
  targets,
  belowCuts,
  secondaries,
]
