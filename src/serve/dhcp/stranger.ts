/**
 * What a machine that is not declared says of itself, and what the network says of where it is plugged in: what a
 * person needs to recognise it. All of it is text for people, short and printable, whatever was sent.
 */
import { formatIpv4 } from '../../proto/address/ipv4.ts'
import type { Mac } from '../../proto/address/mac.ts'
import { OptionCode } from '../../proto/dhcp/option-table.ts'
import { readSubOptions } from '../../proto/dhcp/values/sub-options.ts'
import { latin1, printable } from '../../proto/dhcp/values/text.ts'
import { formatUuid } from '../../proto/dhcp/values/uuid.ts'
import type { Request } from './request.ts'

export type StrangerFacts = {
  readonly mac: Mac
  /** Option 60. */
  readonly vendorClass: string
  readonly architecture: number | undefined
  /** Option 97, as the machine's own label and its operating systems show it. */
  readonly uuid?: string
  /** Option 12, which systems send and firmware does not. */
  readonly hostName?: string
  /** Of a request that came by way of a relay agent. */
  readonly relay: RelayFacts | undefined
}

/** RFC 3046 §3.1 and §3.2: a switch that relays says which of its ports a request came in by. */
export type RelayFacts = {
  /** Its address on the machine's network, in dotted text. */
  readonly address: string
  /** Sub-options 1 and 2; octets that are no text are in hexadecimal. */
  readonly circuitId?: string
  readonly remoteId?: string
}

const circuitId = 1
const remoteId = 2

export function strangerFacts(mac: Mac, request: Request): StrangerFacts {
  const { message, vendorClass, client, machineIdentifier } = request
  const uuid = machineIdentifier === undefined ? undefined : formatUuid(machineIdentifier)
  const name = message.options.find(({ code }) => code === OptionCode.hostName)?.value
  const hostName = name === undefined ? '' : printable(latin1(name).replace(/\0+$/, ''))
  return {
    mac,
    vendorClass: printable(vendorClass),
    architecture: client.architectures[0],
    ...(uuid === undefined ? {} : { uuid }),
    ...(hostName === '' ? {} : { hostName }),
    relay: message.giaddr === 0 ? undefined : relayFacts(request),
  }
}

function relayFacts({ message, relayAgentInformation }: Request): RelayFacts {
  const { found } = readSubOptions(relayAgentInformation ?? new Uint8Array(0))
  const [circuit, remote] = [found.get(circuitId), found.get(remoteId)]
  return {
    address: formatIpv4(message.giaddr),
    ...(circuit === undefined ? {} : { circuitId: identifierText(circuit) }),
    ...(remote === undefined ? {} : { remoteId: identifierText(remote) }),
  }
}

/** Some agents send text (`Eth1/14`), others numbers of slot and port, or a MAC address. */
function identifierText(octets: Uint8Array): string {
  const isText = octets.length > 0 && octets.every((octet) => octet >= 0x20 && octet <= 0x7e)
  return printable(isText ? latin1(octets) : hexadecimal(octets))
}

function hexadecimal(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join(':')
}
