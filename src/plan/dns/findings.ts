/** Findings about names: what cannot work, and what is probably not intended. */
import { formatIp, formatCidr, parseCidr, type Cidr } from '../../proto/address/ip.ts'
import {
  cidr6Contains,
  formatCidr6,
  isCidr6,
  parseCidr6,
  type AnyCidr,
  type Cidr6,
} from '../../proto/address/network6.ts'
import { listSome } from '../../text/format.ts'
import type { Subnet } from '../../site/schema.ts'
import {
  answeringName,
  enclosingZone,
  withAncestors,
  baseDomains,
  ownNames,
  requiredZones,
} from '../../site/declared.ts'
import type { PlanFinding } from '../codes.ts'
import { clusterDomain, type Model } from '../model.ts'
import {
  isThisServer,
  isValidOwnerName,
  mailbox,
  maxNameLength,
  type DeclaredName,
  reverseName,
  servedWhole,
  type ReverseNames,
} from './names.ts'

/** RFC 1918, RFC 6598 (carrier-grade NAT), RFC 3927 (link local), RFC 1122 (loopback) */
const privateNetworks = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '127.0.0.0/8',
].map((text) => parseCidr(text) as Cidr)

/** Unique local and link-local addresses. */
const privateNetworks6 = ['fc00::/7', 'fe80::/10'].map((text) => parseCidr6(text) as Cidr6)

/** The usual prefix of one site: networks of nodes can have global addresses. */
const sitePrefix6 = 48

type Compiled = {
  readonly names: readonly DeclaredName[]
  /** Names of the forward zones. */
  readonly forward: readonly string[]
  readonly reversed: readonly ReverseNames[]
  /** Names of the reverse zones. */
  readonly reverse: readonly string[]
}

export function nameFindings(model: Model, { names, forward, reversed, reverse }: Compiled): PlanFinding[] {
  const mailboxes = forward.map((zone) => ({ owner: mailbox(zone), by: `zone ${zone}` }))
  return [
    ...tooLong([...names, ...mailboxes]),
    ...declaredTwice(names),
    ...narrowedWildcards(model),
    ...searchedWildcards(model, [...names.map(({ owner }) => owner), ...forward]),
    ...requiredBaseDomains(model),
    ...dividedBaseDomains(model, forward),
    ...withoutReverse(reversed, new Set(reverse)),
    ...wholeNetworks(model),
    ...forwarding(model),
    ...hiddenForwardZones(model, [...forward, ...reverse]),
    ...overlappingReverseZones(model, reverse),
  ]
}

function tooLong(names: readonly Pick<DeclaredName, 'owner' | 'by'>[]): PlanFinding[] {
  return names
    .filter(({ owner }) => !isValidOwnerName(owner))
    .map(({ owner, by }) => ({
      code: 'dns.name-too-long',
      severity: 'error',
      about: by,
      message: `${owner} has ${owner.length} characters, more than the maximum of ${maxNameLength}: shorten it`,
    }))
}

function declaredTwice(names: readonly DeclaredName[]): PlanFinding[] {
  const first = new Map<string, DeclaredName>()
  const findings: PlanFinding[] = []
  for (const name of names) {
    const other = first.get(name.owner)
    if (other === undefined) first.set(name.owner, name)
    else {
      const message = `${name.owner} is also a name of ${other.by}: rename one, their addresses would be mixed`
      findings.push({ code: 'dns.name-repeated', severity: 'error', about: name.by, message })
    }
  }
  return findings
}

/** The wildcard covers neither a name below apps nor the names between it and apps (RFC 4592 §2.2.1). */
function narrowedWildcards({ site }: Model): PlanFinding[] {
  const wildcards = site.clusters.map((cluster) => `apps.${clusterDomain(cluster)}`)
  const declared = [
    ...site.hosts.map(({ name }) => ({ name, about: `host ${name}` })),
    ...ownNames(site).map(({ name, fqdn }) => ({ name: fqdn, about: `node ${name}` })),
    ...site.dns.records.map(({ name }) => ({ name, about: `record ${name}` })),
  ]
  return declared.flatMap(({ name, about }) => {
    const apps = wildcards.find((wildcard) => name.endsWith(`.${wildcard}`))
    if (apps === undefined || name === `*.${apps}`) return []
    const below = withAncestors(name).at(-apps.split('.').length - 1) as string
    const message = `*.${apps} no longer covers names below ${below}`
    return [{ code: 'dns.wildcard-narrowed', severity: 'warning', about, message }]
  })
}

/**
 * A pod searches a name with fewer than five dots (`ndots:5`) in every search domain first: a wildcard there answers for
 * the names of other networks.
 */
function searchedWildcards({ site }: Model, names: readonly string[]): PlanFinding[] {
  const records = site.dns.records.map(({ name }) => name)
  const existing = new Set([...names, ...records].flatMap(withAncestors))
  const apps = new Set(site.clusters.map((cluster) => `*.apps.${clusterDomain(cluster)}`))
  return searchDomains(site).flatMap(({ search, by }) => {
    const example = `quay.io.${search}`
    const wildcard = answeringName(example, existing)
    if (wildcard === undefined || !wildcard.startsWith('*.')) return []
    const isSearchWrong = apps.has(wildcard)
    const about = isSearchWrong ? by : `record ${wildcard}`
    const remedy = isSearchWrong
      ? 'search another domain'
      : 'use a wildcard below a name that is not searched'
    const message = `${wildcard} answers for other names that nodes or pods search in ${search}, such as ${example} for quay.io: ${remedy}`
    return [{ code: 'dns.wildcard-searched', severity: 'warning', about, message }]
  })
}

/** Returns each domain that nodes or pods search, with the first entry that causes it. */
function searchDomains({ clusters, subnets }: Model['site']): { search: string; by: string }[] {
  const all = [
    ...clusters.flatMap((cluster) =>
      [clusterDomain(cluster), cluster.domain].map((search) => ({ search, by: `cluster ${cluster.name}` })),
    ),
    ...subnets.flatMap(({ cidr, domain, search }) =>
      [...(domain === undefined ? [] : [domain]), ...search].map((each) => ({
        search: each,
        by: `subnet ${formatCidr(cidr)}`,
      })),
    ),
  ]
  return all.filter((one, index) => all.findIndex(({ search }) => search === one.search) === index)
}

/** Warns about a base domain that becomes a zone although `dns.zones` does not list it. */
function requiredBaseDomains({ site }: Model): PlanFinding[] {
  return requiredZones(site).map(({ zone, by }) => ({
    code: 'dns.base-domain-claimed',
    severity: 'warning',
    about: by,
    message: `requires that this server serves all of ${zone}: undeclared names in it get NXDOMAIN, including those of other servers; list ${zone} in dns.zones if that is intended`,
  }))
}

/** A base domain that was one zone before zones started at `<cluster>.<domain>`, if the division has consequences. */
function dividedBaseDomains({ site }: Model, forward: readonly string[]): PlanFinding[] {
  if (site.dns.zones !== undefined) return []
  const clusters = new Set(site.clusters.map(clusterDomain))
  return [...baseDomains(site)].flatMap((domain) => {
    const zones = forward.filter((zone) => zone.endsWith(`.${domain}`))
    const isUnaffected = site.dns.secondaries.length === 0 && zones.every((zone) => clusters.has(zone))
    if (forward.includes(domain) || isUnaffected) return []
    const others = site.dns.secondaries.length === 0 ? '' : ' and transfers these zones to the secondaries'
    const message = `${domain} is not a zone of this server: it serves ${zones.join(', ')}${others}, and forwards other names in ${domain}; list ${domain} in dns.zones to serve all of it, or set zones: [] to confirm`
    return [{ code: 'dns.base-domain-divided', severity: 'warning', about: 'dns.zones', message }]
  })
}

function withoutReverse(reverseNames: readonly ReverseNames[], zones: ReadonlySet<string>): PlanFinding[] {
  return reverseNames
    .filter(({ address }) => enclosingZone(reverseName(address), zones) === undefined)
    .map(({ address, targets }) => ({
      code: 'dns.reverse-elsewhere',
      severity: 'warning',
      about: `address ${formatIp(address)}`,
      message: `is in none of the subnets: serve its reverse name ${targets.join(', ')} on another server`,
    }))
}

function wholeNetworks({ site }: Model): PlanFinding[] {
  return site.subnets.flatMap(({ cidr }) => {
    const whole = servedWhole(cidr)
    if (whole === undefined) return []
    const message = `this server owns the reverse zone of all of ${whole}: other addresses in it get NXDOMAIN`
    return [
      { code: 'dns.reverse-claimed', severity: 'warning', about: `subnet ${formatCidr(cidr)}`, message },
    ]
  })
}

/** Whether our leases name this server as resolver; the leases of another DHCP server are not known. */
function usesThisServer({ dhcp, dns }: Subnet): boolean {
  return dhcp === 'full' && dns === undefined
}

function forwarding(model: Model): PlanFinding[] {
  const { forward, forwardZones, clients = [] } = model.site.dns
  const used = [
    ...forward.map((resolver) => ({ resolver, about: 'dns.forward' })),
    ...forwardZones.flatMap(({ zone, servers }) =>
      servers.map((resolver) => ({ resolver, about: `dns.forwardZones ${zone}` })),
    ),
  ]
  const findings: PlanFinding[] = used
    .filter(({ resolver }) => isThisServer(model, resolver))
    .map(({ resolver: { address }, about }) => ({
      code: 'dns.resolver-is-server',
      severity: 'error',
      about,
      message: `${formatIp(address)} is this server itself: name another resolver`,
    }))
  if (forward.length === 0 && model.site.subnets.some(usesThisServer)) {
    const message =
      'is empty: nodes that use this server cannot resolve names outside the site, such as quay.io'
    findings.push({ code: 'dns.forward-empty', severity: 'warning', about: 'dns.forward', message })
  }
  if (used.length === 0) return findings
  for (const cidr of clients) {
    if (isLimited(cidr)) continue
    const message = `${isCidr6(cidr) ? formatCidr6(cidr) : formatCidr(cidr)} is not a private network: any client in it can use this server as a resolver`
    findings.push({ code: 'dns.clients-public', severity: 'warning', about: 'dns.clients', message })
  }
  return findings
}

/** This server answers a name in its own zones unless the name is delegated. */
function hiddenForwardZones({ site }: Model, zones: readonly string[]): PlanFinding[] {
  const own = new Set(zones)
  const delegated = new Set(site.dns.records.flatMap(({ name, ns }) => (ns === undefined ? [] : [name])))
  return site.dns.forwardZones.flatMap(({ zone }) => {
    const around = enclosingZone(zone, own)
    if (around === undefined || enclosingZone(zone, delegated) !== undefined) return []
    const message = `is inside ${around}, which this server serves: remove it, or delegate it with an ns record`
    return [
      { code: 'dns.forward-zone-hidden', severity: 'error', about: `dns.forwardZones ${zone}`, message },
    ]
  })
}

/** The site declares that other resolvers have a reverse zone, and this server answers a part of it. */
function overlappingReverseZones({ site }: Model, reverse: readonly string[]): PlanFinding[] {
  return site.dns.forwardZones.flatMap(({ zone, servers }): PlanFinding[] => {
    const parts = reverse.filter((own) => own.endsWith(`.${zone}`))
    if (parts.length === 0) return []
    const message = `this server answers ${listSome(parts, 3)} itself: reverse names of ${servers.map(({ address }) => formatIp(address)).join(', ')} there are hidden; declare their machines under hosts`
    return [{ code: 'dns.reverse-overlap', severity: 'warning', about: `dns.forwardZones ${zone}`, message }]
  })
}

/** Whether only machines of the site are likely to be in a network. */
function isLimited(network: AnyCidr): boolean {
  if (!isCidr6(network)) return privateNetworks.some((outer) => contains(outer, network))
  const isPrivate = privateNetworks6.some(
    (outer) => network.prefix >= outer.prefix && cidr6Contains(outer, network.octets),
  )
  return isPrivate || network.prefix >= sitePrefix6
}

function contains(outer: Cidr, inner: Cidr): boolean {
  return inner.prefix >= outer.prefix && (inner.network & outer.mask) >>> 0 === outer.network
}
