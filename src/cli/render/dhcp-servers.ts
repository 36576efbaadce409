/**
 * A site as configuration of other servers, to migrate away: dnsmasq with the names (dnsmasq(8)), and the ISC DHCP server
 * (dhcpd.conf(5)). Network boot is left out, because boot scripts and Ignition files come from slipway. Pure.
 */
import type { Plan } from '../../plan/compile.ts'
import { isIpv4Node, reservedAddress, type Model } from '../../plan/model.ts'
import { formatIp, formatIpv4, type Ipv4 } from '../../proto/address/ip.ts'
import type { Subnet } from '../../site/schema.ts'
import { renderZones } from './dns-records.ts'

type Ready = { readonly plan: Plan; readonly model: Model }

type Reservation = { readonly name: string; readonly macs: readonly string[]; readonly address: Ipv4 }

const header = `# Written by slipway export. Stop slipway before you start this server on the same network.
# Network boot is not included: boot scripts and Ignition files come from slipway.`

export const exports = { dnsmasq: dnsmasqConfiguration, isc: iscConfiguration } as const

/** Returns all machines for which slipway reserves an address: nodes, then hosts. */
function reservations({ site, nodes }: Model): Reservation[] {
  const hosts = site.hosts.flatMap((host) => {
    const address = reservedAddress(host)
    return host.mac === undefined || address === undefined
      ? []
      : [{ name: host.name, macs: host.mac, address }]
  })
  const declared = nodes
    .filter(isIpv4Node)
    .map(({ fqdn, mac, otherMacs = [], address }) => ({ name: fqdn, macs: [mac, ...otherMacs], address }))
  return [...declared, ...hosts]
}

/** Subnets whose addresses another server leases are not part of the configuration. */
function leasedSubnets({ site }: Model): Subnet[] {
  return site.subnets.filter(({ dhcp }) => dhcp === 'full')
}

function resolvers({ dns }: Subnet, { site }: Model): readonly Ipv4[] {
  return dns ?? [site.server.address]
}

function list(addresses: readonly Ipv4[], separator = ','): string {
  return addresses.map(formatIpv4).join(separator)
}

function dnsmasqConfiguration(ready: Ready): { readonly text: string } {
  const { model } = ready
  const { server, dns } = model.site
  const zones = renderZones(ready, undefined, 'dnsmasq')
  return {
    text: [
      header,
      ...(server.interface === undefined ? [] : [`interface=${server.interface}`]),
      `listen-address=127.0.0.1,${formatIpv4(server.address)}`,
      'bind-dynamic',
      'dhcp-authoritative',
      'no-resolv',
      ...dns.forward.map((resolver) => `server=${dnsmasqResolver(resolver)}`),
      ...dns.forwardZones.flatMap(({ zone, servers }) =>
        servers.map((resolver) => `server=/${zone}/${dnsmasqResolver(resolver)}`),
      ),
      '',
      ...leasedSubnets(model).flatMap((subnet, index) => dnsmasqSubnet(subnet, `subnet${index + 1}`, model)),
      '',
      ...reservations(model).map(
        ({ name, macs, address }) => `dhcp-host=${macs.join(',')},${formatIpv4(address)},${labelOf(name)}`,
      ),
      '',
      'text' in zones ? zones.text : '',
    ].join('\n'),
  }
}

function dnsmasqResolver({ address, port }: Model['site']['dns']['forward'][number]): string {
  return port === 53 ? formatIp(address) : `${formatIp(address)}#${port}`
}

/** dnsmasq accepts full names only below its own domain; the records have the full names. */
function labelOf(name: string): string {
  return name.slice(0, name.indexOf('.'))
}

function dnsmasqSubnet(subnet: Subnet, tag: string, model: Model): string[] {
  const { cidr, gateway, ntp, domain, search, mtu, leaseSeconds } = subnet
  const options: readonly (readonly [name: string, value: string])[] = [
    ['router', gateway === undefined ? '' : formatIpv4(gateway)],
    ['dns-server', list(resolvers(subnet, model))],
    ['ntp-server', list(ntp)],
    ['domain-name', domain ?? ''],
    ['domain-search', search.join(',')],
    ['mtu', mtu === undefined ? '' : String(mtu)],
  ]
  return [
    `dhcp-range=set:${tag},${formatIpv4(cidr.network)},static,${formatIpv4(cidr.mask)},${leaseSeconds}`,
    ...options
      .filter(([, value]) => value !== '')
      .map(([name, value]) => `dhcp-option=tag:${tag},option:${name},${value}`),
  ]
}

function iscConfiguration({ model }: Ready): { readonly text: string } {
  return {
    text: [
      header,
      '# The zones for BIND: slipway render zones --format bind',
      'authoritative;',
      '',
      ...leasedSubnets(model).flatMap((subnet) => [...iscSubnet(subnet, model), '']),
      ...reservations(model).flatMap(({ name, macs, address }) =>
        macs.map((mac, index) => {
          // Each declaration has one MAC address and a unique name.
          const declaration = index === 0 ? name : `${name}-${index + 1}`
          return `host ${declaration} { hardware ethernet ${mac}; fixed-address ${formatIpv4(address)}; option host-name "${name}"; }`
        }),
      ),
    ].join('\n'),
  }
}

function iscSubnet(subnet: Subnet, model: Model): string[] {
  const { cidr, gateway, ntp, domain, search, mtu, leaseSeconds } = subnet
  const options: readonly (readonly [name: string, value: string])[] = [
    ['routers', gateway === undefined ? '' : formatIpv4(gateway)],
    ['domain-name-servers', list(resolvers(subnet, model), ', ')],
    ['ntp-servers', list(ntp, ', ')],
    ['domain-name', domain === undefined ? '' : `"${domain}"`],
    ['domain-search', search.map((each) => `"${each}"`).join(', ')],
    ['interface-mtu', mtu === undefined ? '' : String(mtu)],
  ]
  return [
    `subnet ${formatIpv4(cidr.network)} netmask ${formatIpv4(cidr.mask)} {`,
    `  default-lease-time ${leaseSeconds};`,
    `  max-lease-time ${leaseSeconds};`,
    ...options.filter(([, value]) => value !== '').map(([name, value]) => `  option ${name} ${value};`),
    '}',
  ]
}
