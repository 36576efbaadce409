/**
 * The plan of DHCP: reservations by MAC address with encoded option values, and the boot file of each kind of client.
 * Immutable.
 */
import type { Cidr, Ipv4 } from '../../proto/address/ip.ts'
import type { Mac } from '../../proto/address/mac.ts'

export type DhcpPlan = {
  /** Server identifier (option 54), and next server (siaddr) of clients that boot. */
  readonly server: Ipv4
  /** Server identifiers of other slipway servers with the same site; a client may choose them. */
  readonly peers: readonly Ipv4[]
  /** The relay agents (giaddr) that may relay for each subnet; without a list, any address in the subnet. */
  readonly relays: readonly { readonly network: Cidr; readonly agents: readonly Ipv4[] }[]
  /** Port of servers and relay agents: 67. */
  readonly serverPort: number
  /** Port of clients: 68. */
  readonly clientPort: number
  /** Second port of a ProxyDHCP server: 4011; absent if this server leases all addresses. */
  readonly proxyPort: number | undefined
  readonly networks: readonly Cidr[]
  /** Groups of networks on one link: a client can have an address of any of its group. */
  readonly segments: readonly (readonly Cidr[])[]
  /** The networks whose addresses another DHCP server leases. */
  readonly proxiedNetworks: readonly Cidr[]
  readonly reservationByMac: ReadonlyMap<Mac, Reservation>
  /** Machines on these networks, which only get a boot file. */
  readonly proxiedByMac: ReadonlyMap<Mac, Proxied>
}

/** A machine that gets its address from another DHCP server (ProxyDHCP, PXE specification 2.1 §2.2.3). */
export type Proxied = Pick<Reservation, 'name' | 'network' | 'boot'>

/** The address reserved for a machine, and the options that are sent with it. */
export type Reservation = {
  /** The key of a node (`ocp45/m1`) or the full name of a host. */
  readonly name: string
  readonly address: Ipv4
  readonly network: Cidr
  /** The MTU of the network, if the site sets it. */
  readonly mtu: number | undefined
  /** Option 51, in every lease even if not requested. */
  readonly leaseTime: PreparedOption
  /** Options by code, in the order for clients that send no parameter request list. */
  readonly options: ReadonlyMap<number, PreparedOption>
  /** Codes of options that are sent even if not requested. */
  readonly unasked: readonly number[]
  /** Absent for hosts, which slipway does not boot. */
  readonly boot: NodeBoot | undefined
}

export type PreparedOption = {
  readonly code: number
  readonly value: Uint8Array
  /** Lengths at which a list that does not fit may be cut, in ascending order. */
  readonly cuts?: readonly number[]
}

/** The boot files of one node. */
export type NodeBoot = {
  /** The script of the node, for iPXE. */
  readonly script: BootFile
  /** Keys are client system architectures of firmware: a loader over TFTP, or over HTTP for HTTP architectures. */
  readonly loaderByArchitecture: ReadonlyMap<number, BootFile>
}

export type BootFile = {
  /** A path under the TFTP root, or a URL. */
  readonly name: string
  /** The header field `file`: the name, or empty if the name is longer than the field. */
  readonly file: string
  /** Options 67 and, for TFTP, 66, after those that mark a PXE or HTTP reply. Sent even if not requested. */
  readonly options: readonly PreparedOption[]
}
