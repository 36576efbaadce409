/** What differs between the subnets, zones, and resolvers of two sites. Pure. */
import { formatCidr, formatIpv4 } from '../../proto/address/ip.ts'
import { formatCidr6 } from '../../proto/address/network6.ts'
import type { ResourceRecord } from '../../proto/dns/record.ts'
import type { Site, Subnet } from '../../site/schema.ts'
import { rdataText } from '../dns/zone.ts'
import { formatResolver, type DnsPlan, type Zone } from '../dns/plan.ts'
import {
  compareSingle,
  compareThings,
  field,
  flag,
  hiddenField,
  listField,
  thingsOf,
  type Action,
  type Change,
  type Detail,
  type Effect,
  type Field,
  type Things,
} from './change.ts'

export function* compareSubnets(before: Site, after: Site): Generator<void, Change[]> {
  const things = ({ subnets }: Site) => thingsOf(subnets, ({ cidr }) => formatCidr(cidr), subnetFields)
  const subnetByName = new Map(
    [...before.subnets, ...after.subnets].map((subnet) => [formatCidr(subnet.cidr), subnet]),
  )
  return yield* compareThings('subnet', things(before), things(after), (name, action, details) =>
    subnetEffects(subnetByName.get(name) as Subnet, action, details),
  )
}

function subnetFields(subnet: Subnet): Field[] {
  const { gateway, dns, segment, routes, dhcpOptions } = subnet
  return [
    field('dhcp', subnet.dhcp),
    field('gateway', gateway && formatIpv4(gateway)),
    listField('relays', subnet.relays.map(formatIpv4)),
    field('segment', segment),
    listField('resolvers', dns?.map(formatIpv4) ?? []),
    listField('time servers', subnet.ntp.map(formatIpv4)),
    field('domain', subnet.domain),
    listField('search', subnet.search),
    field('lease time', `${subnet.leaseSeconds} s`),
    field('MTU', subnet.mtu),
    listField(
      'routes',
      routes.map(({ to, via }) => `${formatCidr(to)} via ${formatIpv4(via)}`),
    ),
    ...dhcpOptions.map(({ code, value }) => hiddenField(`DHCP option ${code}`, value.join(' '))),
  ]
}

function subnetEffects(subnet: Subnet, action: Action, details: readonly Detail[]): Effect[] {
  const changed = new Set(details.map(({ label }) => label))
  const isProxy = subnet.dhcp === 'proxy'
  if (action === 'remove' && !isProxy) {
    return [
      { code: 'plan.leases-end', text: 'its leases are not renewed, and machines there get no answers' },
    ]
  }
  if (action !== 'change') return []
  if (changed.has('dhcp')) {
    const text = isProxy
      ? 'another DHCP server must lease its addresses: leases of this server are not renewed'
      : 'this server leases its addresses: turn off the other DHCP server there'
    return [{ code: 'plan.leases-move', text }]
  }
  const isLeased = [...changed].some((label) => !['relays', 'segment'].includes(label))
  if (!isLeased || isProxy) return []
  const text = `machines get this when they renew their leases, within ${Math.round(subnet.leaseSeconds / 2)} s`
  return [{ code: 'plan.lease-renewal', text }]
}

export function* compareDns(
  before: DnsPlan | undefined,
  after: DnsPlan | undefined,
): Generator<void, Change[]> {
  return [
    ...(yield* compareSingle('dns', before && dnsFields(before), after && dnsFields(after))),
    ...(yield* compareZones(before?.zones ?? [], after?.zones ?? [])),
  ]
}

function dnsFields(plan: DnsPlan): Field[] {
  return [
    listField('resolvers', plan.resolvers.map(formatResolver)),
    ...plan.forwardZones.map(({ zone, resolvers }) =>
      listField(`resolvers of ${zone}`, resolvers.map(formatResolver)),
    ),
    listField('clients', [...plan.clients.map(formatCidr), ...(plan.ipv6?.clients ?? []).map(formatCidr6)]),
    listField('secondaries', plan.secondaries.map(formatResolver)),
    flag('NSID', plan.isNamed),
  ]
}

function* compareZones(before: readonly Zone[], after: readonly Zone[]): Generator<void, Change[]> {
  const changes: Change[] = []
  const old = new Map(before.map((zone) => [zone.name, zone]))
  const names = new Set([...after, ...before].map(({ name }) => name))
  const next = new Map(after.map((zone) => [zone.name, zone]))
  for (const name of names) {
    // In steps: a zone can have the records of all nodes.
    const was = zoneThings(old.get(name))
    yield
    const is = zoneThings(next.get(name))
    yield
    const compared = yield* compareThings('zone', was, is, zoneEffects)
    changes.push(...compared.map((change) => ({ ...change, details: change.details.filter(isWorthShowing) })))
    yield
  }
  return changes
}

function zoneThings(zone: Zone | undefined): Things {
  if (zone === undefined) return new Map()
  const fields = recordFields(zone)
  return new Map([[zone.name, () => fields]])
}

/** The TTL of a record is shown only where the record itself exists before and after. */
function isWorthShowing({ label, before, after }: Detail): boolean {
  return !label.startsWith(ttlPrefix) || (before !== undefined && after !== undefined)
}

const ttlPrefix = 'TTL of '

/** The serial of the SOA record is left out: it changes whenever the site file does. */
function recordFields({ records }: Zone): Field[] {
  const sets = Map.groupBy(records, ({ data, owner }) => `${data.type} ${owner}.`)
  return [...sets].flatMap(([label, set]) => [
    listField(label, set.map(recordText)),
    listField(`${ttlPrefix}${label}`, [...new Set(set.map(({ ttlSeconds }) => `${ttlSeconds} s`))]),
  ])
}

function recordText({ data }: ResourceRecord): string {
  return rdataText(data.type === 'SOA' ? { ...data, serial: 0 } : data)
}

function zoneEffects(name: string, action: Action): Effect[] {
  if (action === 'change') return []
  const text =
    action === 'remove'
      ? `this server no longer answers for names in ${name}: it forwards them to its resolvers`
      : `this server answers for all names in ${name}: names that it does not declare get NXDOMAIN`
  return [{ code: action === 'remove' ? 'plan.zone-released' : 'plan.zone-claimed', text }]
}
