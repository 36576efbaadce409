/**
 * Reads the fields of a client's message that the server uses, in one pass over its options, and finds the client's
 * network according to a relay agent (RFC 3046).
 */
import { type Ipv4, cidrContains, formatIpv4, type Cidr } from '../../proto/address/ip.ts'
import type { DhcpMessage } from '../../proto/dhcp/message.ts'
import { OptionCode } from '../../proto/dhcp/option-table.ts'
import { addressOf, u16Of, u16sOf, u8Of } from '../../proto/dhcp/values/number.ts'
import {
  ipxeFeaturesOf,
  isSimulationMark,
  simulationOption,
  subOptionsOf,
  type SubOptions,
} from '../../proto/dhcp/values/sub-options.ts'
import { textOf, userClassesOf, parseBootVendorClass } from '../../proto/dhcp/values/text.ts'
import { takesScript, type BootClient } from '../../plan/dhcp/boot-table.ts'
import { Reader } from '../../proto/bytes.ts'
import { malformedOption, type DhcpOption } from '../../proto/dhcp/option.ts'

export type DhcpRequest = {
  readonly message: DhcpMessage
  /** The source address of the datagram, in dotted text. */
  readonly source: string
  /** Option 53; absent in a BOOTP request (RFC 951). */
  readonly type: number | undefined
  /** Option 50. */
  readonly requestedAddress: Ipv4 | undefined
  /** Option 54: the addressed server. */
  readonly serverIdentifier: Ipv4 | undefined
  /** Option 55, in the client's order of preference; absent when all parameters are requested. */
  readonly parameterList: Uint8Array | undefined
  /** Option 57, unchanged. */
  readonly maxMessageSize: number | undefined
  /** Option 60. */
  readonly vendorClass: string
  /** Options that are echoed unchanged: 61, 82, 97. */
  readonly clientIdentifier: Uint8Array | undefined
  readonly relayAgentInformation: Uint8Array | undefined
  readonly machineIdentifier: Uint8Array | undefined
  readonly relay: Relay
  readonly client: BootClient
  /** Whether `slipway simulate` sent it. */
  readonly isSimulated: boolean
}

/** @throws {MalformedPacket} when an option has a length that its type does not allow */
export function readRequest(message: DhcpMessage, source: string): DhcpRequest {
  let type: number | undefined
  let requestedAddress: Ipv4 | undefined
  let serverIdentifier: Ipv4 | undefined
  let parameterList: Uint8Array | undefined
  let maxMessageSize: number | undefined
  let vendorClass = ''
  let clientIdentifier: Uint8Array | undefined
  let relayAgentInformation: Uint8Array | undefined
  let machineIdentifier: Uint8Array | undefined
  let relay = noRelay
  let userClasses: readonly string[] = []
  let architectures: readonly number[] | undefined
  let features: ReturnType<typeof ipxeFeaturesOf>
  let isSimulated = false

  for (const option of message.options) {
    switch (option.code) {
      case OptionCode.messageType:
        type = u8Of(option)
        break
      case OptionCode.requestedAddress:
        requestedAddress = addressOf(option)
        break
      case OptionCode.serverIdentifier:
        serverIdentifier = addressOf(option)
        break
      case OptionCode.parameterList:
        // We read RFC 2131 §3.5 so that a client without a list, or with an empty one, requests all parameters.
        parameterList = option.value.length === 0 ? undefined : option.value
        break
      case OptionCode.maxMessageSize:
        maxMessageSize = u16Of(option)
        break
      case OptionCode.vendorClass:
        vendorClass = textOf(option)
        break
      case OptionCode.clientIdentifier:
        clientIdentifier = option.value
        break
      case simulationOption:
        isSimulated = isSimulationMark(option.value)
        break
      case OptionCode.userClass:
        userClasses = userClassesOf(option)
        break
      case OptionCode.relayAgentInformation:
        relayAgentInformation = option.value
        // Option 82 without a relay agent's address is for the switch that added it: echoed, not read.
        if (message.giaddr !== 0) relay = relayOf(option)
        break
      case OptionCode.clientArchitecture:
        architectures = u16sOf(option)
        break
      case OptionCode.clientMachineIdentifier:
        machineIdentifier = option.value
        break
      case OptionCode.ipxe:
        features = ipxeFeaturesOf(option)
        break
    }
  }

  const boots = parseBootVendorClass(vendorClass)
  return {
    message,
    source,
    type,
    requestedAddress,
    serverIdentifier,
    parameterList,
    maxMessageSize,
    vendorClass,
    clientIdentifier,
    relayAgentInformation,
    machineIdentifier,
    relay,
    client: {
      protocol: boots?.protocol,
      architectures: architectures ?? (boots?.architecture === undefined ? [] : [boots.architecture]),
      isIpxe: features !== undefined || userClasses.includes('iPXE'),
      takesScript: takesScript(userClasses, features),
    },
    isSimulated,
  }
}

// Where the relay agent's address is a loopback, sub-option 5 names the client's network, and sub-option 11 the agent
// as the server.

type Relay = {
  /** Link selection (RFC 3527): an address on the client's network, when giaddr is on another one. */
  readonly link: Ipv4 | undefined
  /** Server identifier override (RFC 5107): the address that the client uses as its server. */
  readonly serverIdentifier: Ipv4 | undefined
}

const linkSelection = 5
const serverIdentifierOverride = 11

const noRelay: Relay = { link: undefined, serverIdentifier: undefined }

/** @throws {MalformedPacket} when option 82 or one of the two sub-options is malformed */
function relayOf(option: DhcpOption): Relay {
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
