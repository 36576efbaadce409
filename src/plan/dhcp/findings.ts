/** What an operator should know about leases and names before the first node asks. */
import { formatCidr, type Ipv4 } from '../../proto/address/ipv4.ts'
import type { Mac } from '../../proto/address/mac.ts'
import type { ExtraOption } from '../../site/dhcp-option.ts'
import { oneDay, type Site, type Subnet } from '../../site/schema.ts'
import type { Finding } from '../findings.ts'
import type { NodeBoot } from './plan.ts'

/** A machine with a reservation: a node, or a host whose MAC is declared. */
export type Machine = {
  /** How logs name it: a node's key or a host's full name. */
  readonly name: string
  readonly fqdn: string
  /** Option 15, empty when there is none. */
  readonly domain: string
  readonly mac: Mac
  readonly address: Ipv4
  readonly subnet: Subnet
  readonly boot: NodeBoot | undefined
  /** Options without keys of their own; of equal codes the last counts. */
  readonly dhcpOptions: readonly ExtraOption[]
}

/** An installation takes longer; leases of 600 s have run out under it (okd-project/okd#294). */
const leastLeaseSeconds = 3600

/** Linux's HOST_NAME_MAX; RHCOS cuts longer names at their first dot. */
const longestHostName = 64

export function dhcpFindings(site: Site, machines: readonly Machine[]): Finding[] {
  return [...site.subnets.flatMap(subnetFindings), ...machines.flatMap(nameFindings)]
}

function subnetFindings(subnet: Subnet): Finding[] {
  const about = `subnet ${formatCidr(subnet.cidr)}`
  const message = subnet.dhcp === 'proxy' ? uselessKeys(subnet) : shortLease(subnet)
  return message === undefined ? [] : [{ severity: 'warning', about, message }]
}

function shortLease({ leaseSeconds }: Subnet): string | undefined {
  if (leaseSeconds >= leastLeaseSeconds) return undefined
  return `a lease of ${leaseSeconds} s may end while a node installs, set leaseSeconds to ${leastLeaseSeconds} or more`
}

/** What a lease says, where the leases are another server's. */
function uselessKeys(subnet: Subnet): string | undefined {
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
  const useless = declared.filter(([, isDeclared]) => isDeclared).map(([key]) => key)
  if (useless.length === 0) return undefined
  return `another DHCP server leases the addresses (dhcp: proxy), so set there what stands here without effect: ${useless.join(', ')}`
}

function nameFindings({ name, fqdn }: Machine): Finding[] {
  if (fqdn.length <= longestHostName) return []
  const message = `its host name ${fqdn} has ${fqdn.length} characters, Linux keeps ${longestHostName}: choose shorter names`
  return [{ severity: 'warning', about: name, message }]
}
