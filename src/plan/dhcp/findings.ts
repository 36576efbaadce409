/** Findings about leases and host names. */
import { formatCidr, type Ipv4 } from '../../proto/address/ipv4.ts'
import type { Mac } from '../../proto/address/mac.ts'
import type { ExtraOption } from '../../site/dhcp-option.ts'
import { oneDay } from '../../site/network-sections.ts'
import type { Site, Subnet } from '../../site/schema.ts'
import type { PlanFinding } from '../findings.ts'
import type { NodeBoot } from './plan.ts'

/** A machine with a reservation: a node, or a host with a MAC address. */
export type Machine = {
  /** The identifier in logs: the key of a node, or the full name of a host. */
  readonly name: string
  readonly fqdn: string
  /** Option 15; empty without a domain. */
  readonly domain: string
  readonly mac: Mac
  readonly address: Ipv4
  readonly subnet: Subnet
  readonly boot: (() => NodeBoot) | undefined
  /** Options without a key of their own; for the same code, the last one applies. */
  readonly dhcpOptions: readonly ExtraOption[]
}

/** An installation takes longer than a short lease; leases of 600 s expired during it (okd-project/okd#294). */
const minLeaseSeconds = 3600

/** HOST_NAME_MAX of Linux; RHCOS cuts longer names at their first dot. */
const maxHostName = 64

export function dhcpFindings(site: Site, machines: readonly Machine[]): PlanFinding[] {
  return [...site.subnets.flatMap(subnetFindings), ...machines.flatMap(nameFindings)]
}

function subnetFindings(subnet: Subnet): PlanFinding[] {
  const about = `subnet ${formatCidr(subnet.cidr)}`
  const isProxy = subnet.dhcp === 'proxy'
  const code = isProxy ? 'dhcp.settings-unused' : 'dhcp.lease-short'
  const message = isProxy ? unusedKeys(subnet) : shortLease(subnet)
  return message === undefined ? [] : [{ code, severity: 'warning', about, message }]
}

function shortLease({ leaseSeconds }: Subnet): string | undefined {
  if (leaseSeconds >= minLeaseSeconds) return undefined
  return `a lease of ${leaseSeconds} s can expire during an installation: set leaseSeconds to ${minLeaseSeconds} or more`
}

/** Lists declared lease settings that have no effect because another server leases the addresses. */
function unusedKeys(subnet: Subnet): string | undefined {
  const { gateway, dns, domain, mtu, leaseSeconds } = subnet
  const declared: readonly [key: string, isDeclared: boolean][] = [
    ...Object.entries({ gateway, dns, domain, mtu }).map(([key, value]): [string, boolean] => [
      key,
      value !== undefined,
    ]),
    ...(['ntp', 'search', 'routes', 'dhcpOptions'] as const).map((key): [string, boolean] => [
      key,
      subnet[key].length > 0,
    ]),
    ['leaseSeconds', leaseSeconds !== oneDay],
  ]
  const unused = declared.filter(([, isDeclared]) => isDeclared).map(([key]) => key)
  if (unused.length === 0) return undefined
  return `another DHCP server leases the addresses (dhcp: proxy), so these keys have no effect: ${unused.join(', ')}; configure them there`
}

function nameFindings({ name, fqdn }: Machine): PlanFinding[] {
  if (fqdn.length <= maxHostName) return []
  const message = `host name ${fqdn} has ${fqdn.length} characters, more than the ${maxHostName} that Linux accepts: choose shorter names`
  return [{ code: 'dhcp.host-name-too-long', severity: 'warning', about: name, message }]
}
