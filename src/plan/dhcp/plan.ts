/**
 * What DHCP answers, ready to be written: reservations by MAC with their option values encoded, and
 * what each kind of client boots. Immutable; the server reads it and decides nothing that is here.
 */
import type { Cidr, Ipv4 } from '../../proto/address/ipv4.ts'
import type { Mac } from '../../proto/address/mac.ts'

export type DhcpPlan = {
  /** The server identifier (option 54) and the next server of those that boot (siaddr). */
  readonly server: Ipv4
  /** Server identifiers of other slipways with the same site: who chooses them is well served. */
  readonly peers: readonly Ipv4[]
  /** Where servers and relay agents listen: 67. */
  readonly serverPort: number
  /** Where clients listen: 68. */
  readonly clientPort: number
  /** Where a ProxyDHCP server listens beside `serverPort`: 4011. Absent where all addresses are leased from here. */
  readonly proxyPort: number | undefined
  readonly networks: readonly Cidr[]
  /** Those of them whose addresses another DHCP server leases. */
  readonly proxiedNetworks: readonly Cidr[]
  readonly reservationByMac: ReadonlyMap<Mac, Reservation>
  /** Machines on those networks: they are told what to boot, and nothing else. */
  readonly proxiedByMac: ReadonlyMap<Mac, Proxied>
}

/** A machine that another DHCP server leases its address (ProxyDHCP, PXE specification 2.1 §2.2.3). */
export type Proxied = Pick<Reservation, 'name' | 'network' | 'boot'>

/** An address that belongs to one machine, and everything that the machine is told with it. */
export type Reservation = {
  /** A node's key (`ocp45/m1`) or a host's full name. */
  readonly name: string
  readonly address: Ipv4
  readonly network: Cidr
  /** Option 51: part of every lease, asked for or not. */
  readonly leaseTime: PreparedOption
  /** What a client may ask for, by code, in the order for clients that send no parameter request list. */
  readonly options: ReadonlyMap<number, PreparedOption>
  /** Codes of those that are sent asked for or not. */
  readonly unasked: readonly number[]
  /** Absent for hosts: they get an address, and boot from their own disk. */
  readonly boot: NodeBoot | undefined
}

export type PreparedOption = {
  readonly code: number
  readonly value: Uint8Array
  /** Shorter lengths at which a list may be cut when it does not fit, ascending; the first entries matter most. */
  readonly cuts?: readonly number[]
}

/** What one node boots. */
export type NodeBoot = {
  /** For iPXE: the URL of the node's script. */
  readonly script: BootFile
  /** For firmware, by client system architecture: a loader over TFTP, or over HTTP where that is its number. */
  readonly loaderByArchitecture: ReadonlyMap<number, BootFile>
}

export type BootFile = {
  /** A path under the TFTP root, or a URL. */
  readonly name: string
  /** The header's `file`: the name, or empty when it is longer than the field. */
  readonly file: string
  /** Options 67 and, for TFTP, 66; before them what calls the reply PXE's or HTTP's. Sent whether asked for or not. */
  readonly options: readonly PreparedOption[]
}
