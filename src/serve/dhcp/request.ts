/**
/**
 * Reads the fields of a client's message that the server uses, in one pass over its options, and finds the client's
 * network according to a relay agent (RFC 3046). An option that cannot be read counts as absent, so that it does not keep
 * a machine from booting.
 */
import {
  cidrContains,
  formatIpv4,
  isHostAddress,
  isUnicast,
  type Cidr,
  type Ipv4,
} from '../../proto/address/ip.ts'
import { MalformedPacket, Reader } from '../../proto/bytes.ts'
import type { DhcpMessage } from '../../proto/dhcp/message.ts'
import {
  hasValidLength,
  ignoredOption,
  lengthText,
  type DhcpOption,
  type IgnoredOption,
} from '../../proto/dhcp/option.ts'
import { OptionCode } from '../../proto/dhcp/option-table.ts'
import { addressOf, u16Of, u16sIn, unicastOf } from '../../proto/dhcp/values/number.ts'
import {
  ipxeFeaturesOf,
  isSimulationMark,
  readSubOptions,
  simulationOption,
} from '../../proto/dhcp/values/sub-options.ts'
import {
  parseBootVendorClass,
  textOf,
  userClassesOf,
  type BootVendorClass,
} from '../../proto/dhcp/values/text.ts'
import type { Datagram } from '../../host/udp.ts'
import { biosArchitecture, takesScript, type BootClient } from '../../plan/dhcp/boot-table.ts'
import type { DhcpPlan } from '../../plan/dhcp/plan.ts'

export type DhcpRequest = {
  readonly message: DhcpMessage
  /** The source address of the datagram, in dotted text. */
  readonly source: string
  /** The source port of the datagram. */
  readonly sourcePort: number
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
  /** Option 118: an address on the network for which the client requests an address (RFC 3011). */
  readonly subnetSelection: Ipv4 | undefined
  /** Options that cannot be used. */
  readonly ignored: readonly IgnoredOption[]
  readonly client: BootClient
  /** Whether `slipway simulate` sent it. */
  readonly isSimulated: boolean
}

export function readRequest(
  message: DhcpMessage,
  { address: source, port: sourcePort }: Pick<Datagram, 'address' | 'port'>,
): DhcpRequest {
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
  let architectures: readonly number[] = []
  let features: ReturnType<typeof ipxeFeaturesOf>
  let subnetSelection: Ipv4 | undefined
  let isSimulated = false
  let { ignored = [] } = message

  for (const option of message.options) {
    try {
      switch (option.code) {
        case OptionCode.messageType:
          type = option.value[0]
          if (!hasValidLength(option)) ignored = [...ignored, ignoredOption(option)]
          break
        case OptionCode.requestedAddress:
          requestedAddress = addressOf(option)
          break
        case OptionCode.serverIdentifier:
          serverIdentifier = unicastOf(option)
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
          if (!hasValidLength(option)) ignored = [...ignored, ignoredOption(option)]
          architectures = u16sIn(option.value)
          break
        case OptionCode.clientMachineIdentifier:
          machineIdentifier = option.value
          break
        case OptionCode.subnetSelection:
          subnetSelection = unicastOf(option)
          break
        case OptionCode.ipxe:
          features = ipxeFeaturesOf(option)
          break
      }
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      ignored = [...ignored, ignoredOption(option)]
    }
  }

  const boots = parseBootVendorClass(vendorClass)
  return {
    message,
    source,
    sourcePort,
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
    subnetSelection,
    ignored: relay.ignored.length === 0 ? ignored : [...ignored, ...relay.ignored],
    client: {
      protocol: boots?.protocol,
      architectures: architectures.length > 0 ? architectures : architecturesOf(boots),
      isIpxe: features !== undefined || userClasses.includes('iPXE'),
      takesScript: takesScript(userClasses, features),
    },
    isSimulated,
  }
}

/** Returns the architecture of firmware that sends none in option 93: that of its vendor class, else that of a BIOS. */
function architecturesOf(boots: BootVendorClass | undefined): readonly number[] {
  if (boots === undefined) return []
  if (boots.architecture !== undefined) return [boots.architecture]
  return boots.protocol === 'PXEClient' ? [biosArchitecture] : []
}

// Where the relay agent's address is a loopback, sub-option 5 names the client's network, and sub-option 11 the agent
// as the server. Sub-options that cannot be used are ignored: the complete ones before them count.

type Relay = {
  /** Link selection (RFC 3527): an address on the client's network, when giaddr is on another one. */
  readonly link: Ipv4 | undefined
  /** Server identifier override (RFC 5107): the address that the client uses as its server. */
  readonly serverIdentifier: Ipv4 | undefined
  /** Replies go to the source port of the agent, not to the server port (RFC 8357). */
  readonly usesSourcePort: boolean
  readonly ignored: readonly IgnoredOption[]
}

const linkSelection = 5
const serverIdentifierOverride = 11
const sourcePort = 19

const noRelay: Relay = {
  link: undefined,
  serverIdentifier: undefined,
  usesSourcePort: false,
  ignored: [],
}

function relayOf({ code, value }: DhcpOption): Relay {
  const { found, cutAt } = readSubOptions(value)
  let ignored = noRelay.ignored
  const ignore = (text: string) => {
    ignored = [...ignored, { code, text }]
  }
  if (cutAt !== undefined) ignore(`option ${code} with an incomplete sub-option ${value[cutAt] ?? ''}`)

  const addressIn = (subOption: number): Ipv4 | undefined => {
    const octets = found.get(subOption)
    if (octets === undefined) return undefined
    const address = octets.length === 4 ? (new Reader(octets).u32() as Ipv4) : undefined
    if (address !== undefined && isUnicast(address)) return address
    const problem = address === undefined ? lengthText(octets) : `with the address ${formatIpv4(address)}`
    ignore(`sub-option ${subOption} of option ${code} ${problem}`)
    return undefined
  }

  const link = addressIn(linkSelection)
  const serverIdentifier = addressIn(serverIdentifierOverride)
  return { link, serverIdentifier, usesSourcePort: found.has(sourcePort), ignored }
}

/**
 * Explains why a relay agent must not relay for a network; returns `undefined` when it may, or without a relay agent.
 * The subnet is that of {@link linkOf}; only its relay agents count. So options never extend what the site file allows.
 */
export function unknownRelay(
  request: Pick<DhcpRequest, 'message' | 'relay' | 'subnetSelection'>,
  relays: DhcpPlan['relays'],
): string | undefined {
  const { giaddr } = request.message
  if (giaddr === 0) return undefined
  const link = linkOf(request) ?? giaddr
  const subnet = relays.find(({ network }) => cidrContains(network, link))
  const isAllowed =
    subnet !== undefined &&
    (subnet.agents.length === 0 ? isHostAddress(subnet.network, giaddr) : subnet.agents.includes(giaddr))
  return isAllowed
    ? undefined
    : `${formatIpv4(giaddr)} is not a relay agent of the network of ${formatIpv4(link)}`
}

/** Returns whether the interfaces on which clients reach this machine without a relay agent are on a network. */
export type IsAttached = (network: Cidr) => boolean

/** Returns an address on the client's network as the message names it: `undefined` on a link of this machine. */
export function linkOf({
  message: { giaddr },
  relay,
  subnetSelection,
}: Pick<DhcpRequest, 'message' | 'relay' | 'subnetSelection'>): Ipv4 | undefined {
  return relay.link ?? subnetSelection ?? (giaddr === 0 ? undefined : giaddr)
}

/** Returns whether a client can use an address of `network` where it is: on its link, or on one with the same segment. */
export function isOnNetwork(
  request: DhcpRequest,
  network: Cidr,
  { server, segments }: Pick<DhcpPlan, 'server' | 'segments'>,
  isAttached: IsAttached,
): boolean {
  const link = linkOf(request)
  const isHere = (candidate: Cidr) =>
    cidrContains(candidate, link ?? server) || (link === undefined && isAttached(candidate))
  return isHere(network) || (segments.find((segment) => segment.includes(network))?.some(isHere) ?? false)
}
