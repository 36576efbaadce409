/** Reads a DHCPv6 reply as a client does, and compares it with the declaration of the node. */
import type { Model, NodeModel, Reservation6 } from '../plan/model.ts'
import { ipv6FromOctets } from '../proto/address/ip.ts'
import { MalformedPacket, Reader } from '../proto/bytes.ts'
import type { ClientMessage } from '../proto/dhcpv6/message.ts'
import { decodeAssociation, firstValue, OptionCode } from '../proto/dhcpv6/option.ts'
import { decodeNames, decodeNumbers, decodeVendorClasses } from '../proto/dhcpv6/values.ts'
import { latin1 } from '../proto/dhcp/values/text.ts'
import type { Dhcpv6Profile } from './dhcpv6-profiles.ts'
import { BootProblem } from './timeline.ts'

const none = new Uint8Array(0)

/** Returns the address that the reply assigns; `undefined` without one. */
export function addressIn6({ options }: ClientMessage): string | undefined {
  const value = firstValue(options, OptionCode.iaNa)
  const address =
    value === undefined ? undefined : readable('IA_NA', () => decodeAssociation(value).addresses[0])
  return address && ipv6FromOctets(address)
}

/** Returns the URL in option 59; `undefined` if there is none. */
export function bootFileUrlOf({ options }: ClientMessage): string | undefined {
  const value = firstValue(options, OptionCode.bootFileUrl)
  return value && latin1(value)
}

/**
 * Checks the address, and the settings that the client requests.
 *
 * @throws {BootProblem} at the first difference
 */
export function checkLease6(
  message: ClientMessage,
  node: NodeModel,
  model: Model,
  { options }: Dhcpv6Profile,
): void {
  const { address, subnet } = node.reservation6 as Reservation6
  const where = (source: string) =>
    `${source} in the site file, and whether the server loaded it (slipway reload)`
  const got = addressIn6(message)
  if (got !== address) {
    throw new BootProblem(
      `the reserved address ${address}`,
      got ?? 'no address',
      where(`mac and address of ${node.key}`),
    )
  }
  const { endpoint, site } = model
  const own = site.dns.serve && endpoint.address6 !== undefined ? [endpoint.address6] : []
  const search = subnet.search.length > 0 ? subnet.search : [node.fqdn.slice(node.fqdn.indexOf('.') + 1)]
  const checks = [
    {
      code: OptionCode.dnsServers,
      expected: (subnet.dns ?? own).join(', '),
      got: addressesText(message),
      source: 'dns of the IPv6 network',
    },
    {
      code: OptionCode.domainList,
      expected: search.join(', '),
      got: readable('option 24', () =>
        decodeNames(firstValue(message.options, OptionCode.domainList) ?? none),
      ).join(', '),
      source: 'search of the IPv6 network',
    },
  ]
  const requested = decodeNumbers(firstValue(options, OptionCode.optionRequest) ?? none)
  for (const { code, expected, got, source } of checks) {
    if (!requested.includes(code) || got === expected) continue
    throw new BootProblem(`option ${code} ${expected || 'absent'}`, got || 'none', where(source))
  }
}

/** UEFI HTTP Boot ignores every reply without the vendor class `HTTPClient` (UEFI 2.10 §24.7). */
export function checkHttpReply6({ options }: ClientMessage): void {
  const classes = decodeVendorClasses(firstValue(options, OptionCode.vendorClass) ?? none)
  if (classes.includes('HTTPClient')) return
  throw new BootProblem(
    'option 16 "HTTPClient"',
    classes.join(', ') || 'none',
    'the server, and report this bug',
  )
}

function addressesText({ options }: ClientMessage): string {
  const reader = new Reader(firstValue(options, OptionCode.dnsServers) ?? none)
  const addresses: string[] = []
  while (reader.remaining >= 16) addresses.push(ipv6FromOctets(reader.take(16)))
  return addresses.join(', ')
}

/** @throws {BootProblem} when the value is malformed */
function readable<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
    throw new BootProblem(`a readable ${name}`, error.message, 'the server, and report this bug')
  }
}
