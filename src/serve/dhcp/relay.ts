/**
 * The client's network according to a relay agent (RFC 3046). In fabrics where the agent's address is a loopback,
 * sub-option 5 names the client's network, and sub-option 11 the agent as the server.
 */
import { cidrContains, formatIpv4, type Cidr, type Ipv4 } from '../../proto/address/ipv4.ts'
import { Reader } from '../../proto/bytes/reader.ts'
import { malformedOption, type DhcpOption } from '../../proto/dhcp/option.ts'
import { subOptionsOf, type SubOptions } from '../../proto/dhcp/values/sub-options.ts'

export type Relay = {
  /** Link selection (RFC 3527): an address on the client's network, when giaddr is on another one. */
  readonly link: Ipv4 | undefined
  /** Server identifier override (RFC 5107): the address that the client uses as its server. */
  readonly serverIdentifier: Ipv4 | undefined
}

const linkSelection = 5
const serverIdentifierOverride = 11

export const noRelay: Relay = { link: undefined, serverIdentifier: undefined }

/** @throws {MalformedPacket} when option 82 or one of the two sub-options is malformed */
export function relayOf(option: DhcpOption): Relay {
  const found = subOptionsOf(option)
  return {
    link: addressIn(found, linkSelection, option),
    serverIdentifier: addressIn(found, serverIdentifierOverride, option),
  }
}

/**
 * Explains why a relay agent must not relay for a network; returns `undefined` when it may, or without a relay agent.
 * The subnet is that of sub-option 5, or else of `giaddr`; only its relay agents count. So option 82 never
 * extends what the site file allows.
 */
export function unknownRelay(
  giaddr: Ipv4,
  { link = giaddr }: Relay,
  relays: readonly { readonly network: Cidr; readonly agents: readonly Ipv4[] }[],
): string | undefined {
  if (giaddr === 0) return undefined
  const subnet = relays.find(({ network }) => cidrContains(network, link))
  const isAllowed =
    subnet !== undefined &&
    (subnet.agents.length === 0 ? cidrContains(subnet.network, giaddr) : subnet.agents.includes(giaddr))
  return isAllowed
    ? undefined
    : `${formatIpv4(giaddr)} is not a relay agent of the network of ${formatIpv4(link)}`
}

/**
 * Returns whether a client behind `giaddr` can use an address of `network`. Without a relay agent the network is not
 * known (several networks can share a link), so the site file decides.
 */
export function isOnNetwork(giaddr: Ipv4, relay: Relay, network: Cidr): boolean {
  return giaddr === 0 || cidrContains(network, relay.link ?? giaddr)
}

function addressIn(found: SubOptions, code: number, option: DhcpOption): Ipv4 | undefined {
  const value = found.get(code)
  if (value === undefined) return undefined
  if (value.length === 4) return new Reader(value).u32() as Ipv4
  throw malformedOption(
    option,
    `sub-option ${code} of option ${option.code} has ${value.length} octets, expected 4`,
  )
}
