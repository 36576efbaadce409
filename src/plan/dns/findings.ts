/** What an operator should know about the names: what cannot work, and what may not be meant. */
import { formatIp } from '../../proto/address/ip.ts'
import { formatCidr, formatIpv4, parseCidr, type Cidr } from '../../proto/address/ipv4.ts'
import { enclosingZone, withAncestors } from '../../site/zones.ts'
import type { Finding } from '../findings.ts'
import { clusterDomain, type Model } from '../model.ts'
import { isNameThatFits, longestName, mailbox, type DeclaredName } from './names.ts'
import { reverseName, servedWhole, type ReverseNames } from './reverse.ts'

/** RFC 1918, RFC 6598 (carrier's own), RFC 3927 (link local), RFC 1122 (loopback) */
const privateNetworks = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '127.0.0.0/8',
].map((text) => parseCidr(text) as Cidr)

type Compiled = {
  readonly names: readonly DeclaredName[]
  /** Names of the forward zones. */
  readonly forward: readonly string[]
  readonly backwards: readonly ReverseNames[]
  /** Names of the reverse zones. */
  readonly reverse: readonly string[]
}

export function nameFindings(model: Model, { names, forward, backwards, reverse }: Compiled): Finding[] {
  const mailboxes = forward.map((zone) => ({ owner: mailbox(zone), by: `zone ${zone}` }))
  return [
    ...tooLong([...names, ...mailboxes]),
    ...declaredTwice(names),
    ...narrowedWildcards(model),
    ...withoutReverse(backwards, new Set(reverse)),
    ...wholeNetworks(model),
    ...forwarding(model),
  ]
}

/** Whether the server would ask itself. Resolvers are always asked on port 53. */
export function isItself({ endpoint }: Model, resolver: string): boolean {
  return endpoint.ports.dns === 53 && resolver === formatIpv4(endpoint.address)
}

function tooLong(names: readonly Pick<DeclaredName, 'owner' | 'by'>[]): Finding[] {
  return names
    .filter(({ owner }) => !isNameThatFits(owner))
    .map(({ owner, by }) => ({
      severity: 'error',
      about: by,
      message: `${owner} has ${owner.length} characters, a name may have ${longestName}: shorten it`,
    }))
}

function declaredTwice(names: readonly DeclaredName[]): Finding[] {
  const first = new Map<string, DeclaredName>()
  const findings: Finding[] = []
  for (const name of names) {
    const other = first.get(name.owner)
    if (other === undefined) first.set(name.owner, name)
    else {
      const message = `${name.owner} is also a name of ${other.by}: its addresses would be mixed, rename one`
      findings.push({ severity: 'error', about: name.by, message })
    }
  }
  return findings
}

/** A name below apps takes itself, and whatever lies between it and apps, out of the wildcard (RFC 4592 §2.2.1). */
function narrowedWildcards({ site }: Model): Finding[] {
  const wildcards = site.clusters.map((cluster) => `apps.${clusterDomain(cluster)}`)
  const declared = [
    ...site.hosts.map(({ name }) => ({ name, about: `host ${name}` })),
    ...site.dns.records.map(({ name }) => ({ name, about: `record ${name}` })),
  ]
  return declared.flatMap(({ name, about }) => {
    const apps = wildcards.find((wildcard) => name.endsWith(`.${wildcard}`))
    if (apps === undefined || name === `*.${apps}`) return []
    const below = withAncestors(name).at(-apps.split('.').length - 1) as string
    const message = `names below ${below} are not answered by *.${apps} any more`
    return [{ severity: 'warning', about, message }]
  })
}

function withoutReverse(reverseNames: readonly ReverseNames[], zones: ReadonlySet<string>): Finding[] {
  return reverseNames
    .filter(({ address }) => enclosingZone(reverseName(address), zones) === undefined)
    .map(({ address, targets }) => ({
      severity: 'warning',
      about: `address ${formatIp(address)}`,
      message: `lies in none of the subnets: its reverse name ${targets.join(', ')} must be served elsewhere`,
    }))
}

function wholeNetworks({ site }: Model): Finding[] {
  return site.subnets.flatMap(({ cidr }) => {
    const whole = servedWhole(cidr)
    if (whole === undefined) return []
    const message = `reverse names are served for all of ${whole}: those of its other addresses do not exist here`
    return [{ severity: 'warning', about: `subnet ${formatCidr(cidr)}`, message }]
  })
}

function forwarding(model: Model): Finding[] {
  const { forward, clients = [] } = model.site.dns
  const findings: Finding[] = forward
    .filter((resolver) => isItself(model, formatIp(resolver)))
    .map((resolver) => ({
      severity: 'error',
      about: 'dns.forward',
      message: `${formatIp(resolver)} is this server itself: name a resolver that knows other names`,
    }))
  if (forward.length === 0) {
    const message =
      'is empty: nodes that ask this server cannot resolve names outside the site, such as quay.io'
    const someAskUs = model.site.subnets.some((subnet) => subnet.dns === undefined)
    return someAskUs ? [{ severity: 'warning', about: 'dns.forward', message }] : []
  }
  for (const cidr of clients) {
    if (privateNetworks.some((network) => contains(network, cidr))) continue
    const message = `${formatCidr(cidr)} is not a private network: everybody there can use this server as a resolver`
    findings.push({ severity: 'warning', about: 'dns.clients', message })
  }
  return findings
}

function contains(outer: Cidr, inner: Cidr): boolean {
  return inner.prefix >= outer.prefix && (inner.network & outer.mask) >>> 0 === outer.network
}
