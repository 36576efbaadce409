/** Reads the fields of a client's message that the server uses, in one pass over its options. */
import type { Ipv4 } from '../../proto/address/ipv4.ts'
import type { DhcpMessage } from '../../proto/dhcp/message.ts'
import { OptionCode } from '../../proto/dhcp/option-table.ts'
import { addressOf, u16Of, u16sOf, u8Of } from '../../proto/dhcp/values/number.ts'
import { ipxeFeaturesOf } from '../../proto/dhcp/values/sub-options.ts'
import { isSimulationMark, simulationOption } from '../../proto/dhcp/values/simulation.ts'
import { textOf } from '../../proto/dhcp/values/text.ts'
import { userClassesOf, parseBootVendorClass } from '../../proto/dhcp/values/class.ts'
import { takesScript, type BootClient } from '../../plan/dhcp/boot-table.ts'
import { noRelay, relayOf, type Relay } from './relay.ts'

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
