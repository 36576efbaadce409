/** The plan of DHCPv6: reservations by MAC address and by DUID, with all option values encoded. Immutable. */
import type { Ipv6 } from '../../proto/address/ip.ts'
import type { Mac } from '../../proto/address/mac.ts'
import type { Cidr6 } from '../../proto/address/network6.ts'
import type { Duid } from '../../proto/dhcpv6/duid.ts'
import type { BootElsewhere, NodeBoot } from '../dhcp/plan.ts'

export type Dhcpv6Plan = {
  /** Option 2. Derived from the IPv6 address of the server, so that it is the same after a new installation. */
  readonly serverDuid: Uint8Array
  /** 547 */
  readonly serverPort: number
  /** 546 */
  readonly clientPort: number
  readonly subnets: readonly Subnet6Plan[]
  readonly reservationByMac: ReadonlyMap<Mac, Reservation6Plan>
  readonly reservationByDuid: ReadonlyMap<Duid, Reservation6Plan>
}

export type Subnet6Plan = {
  readonly network: Cidr6
  /** The relay agents that may relay for it; empty: any address in a network of the site. */
  readonly relays: readonly Ipv6[]
}

export type Reservation6Plan = {
  /** The key of a node (`ocp45/m1`) or the full name of a host. */
  readonly name: string
  readonly address: Ipv6
  /** The same as sixteen octets. */
  readonly octets: Uint8Array
  readonly subnet: Subnet6Plan
  /** Valid and preferred lifetime in seconds. */
  readonly leaseSeconds: number
  /** Values of the options that a client can request, by code. */
  readonly options: ReadonlyMap<number, Uint8Array>
  /** Absent for hosts, which slipway does not boot. */
  readonly boot: NodeBoot | BootElsewhere | undefined
}
