/** Reads a DHCP reply as a client does, and compares it with the declaration of the node. */
import { formatIpv4, type Ipv4 } from '../proto/address/ip.ts'
import { MalformedPacket } from '../proto/bytes.ts'
import type { DhcpMessage } from '../proto/dhcp/message.ts'
import { optionRowByCode, OptionCode } from '../proto/dhcp/option-table.ts'
import type { DhcpOption } from '../proto/dhcp/option.ts'
import { addressesOf, secondsOf, u8Of } from '../proto/dhcp/values/number.ts'
import { domainSearchOf, textOf } from '../proto/dhcp/values/text.ts'
import { subOptionsOf } from '../proto/dhcp/values/sub-options.ts'
import type { Ipv4Node, Model, NodeModel } from '../plan/model.ts'
import { BootProblem } from './timeline.ts'

/** Decodes an option; `undefined` if it is absent. @throws {BootProblem} when it is malformed */
function read<T>(message: DhcpMessage, code: number, reading: (option: DhcpOption) => T): T | undefined {
  const option = message.options.find((candidate) => candidate.code === code)
  if (option === undefined) return undefined
  try {
    return reading(option)
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
    throw new BootProblem(`a readable ${nameOf(code)}`, error.message, 'the server, and report this bug')
  }
}

/** Returns the addresses of an option as text, separated by commas. */
export function addressesText(message: DhcpMessage, code: number): string | undefined {
  return read(message, code, (option) => addressesOf(option).map(formatIpv4).join(', '))
}

export function addressIn(message: DhcpMessage, code: number): Ipv4 | undefined {
  return read(message, code, addressesOf)?.[0]
}

export function messageTypeOf(message: DhcpMessage): number | undefined {
  return read(message, OptionCode.messageType, u8Of)
}

/** Returns the boot file: option 67, else the header field (RFC 2132 §9.5); `undefined` if there is none. */
export function bootFileOf(message: DhcpMessage): string | undefined {
  const text = read(message, OptionCode.bootFileName, textOf) ?? message.file
  return text === '' ? undefined : text
}

export function leaseSecondsOf(message: DhcpMessage): number | undefined {
  return read(message, OptionCode.leaseTime, secondsOf)
}

type Check = {
  readonly code: number
  /** `undefined` if the site declares no value; the reply must not have one then. */
  readonly expected: string | undefined
  readonly got: string | undefined
  /** Where in the site the value comes from. */
  readonly source: string
}

/**
 * Checks the options that every client of this node must get: the parameter request lists of firmware, iPXE, and the live
 * system all contain them. `isSystem` adds those that only the live system requests.
 *
 * @throws {BootProblem} at the first difference
 */
export function checkLease(message: DhcpMessage, declared: NodeModel, model: Model, isSystem: boolean): void {
  const node = declared as Ipv4Node
  const { endpoint, site } = model
  const { subnet } = node
  if (message.yiaddr !== node.address) {
    throw new BootProblem(
      `the reserved address ${formatIpv4(node.address)}`,
      message.yiaddr === 0 ? 'no address' : formatIpv4(message.yiaddr),
      `mac and address of ${node.key} in the site file, and whether the server loaded it (slipway reload)`,
    )
  }
  const ownServer = site.dns.serve ? [endpoint.address] : []
  const text = (code: number) => read(message, code, textOf)
  const { subnetMask, router, domainServer, hostName, domainName, ntpServers, domainSearch, leaseTime } =
    OptionCode
  const addresses = (code: number, expected: readonly Ipv4[], source: string): Check => ({
    code,
    expected: expected.length === 0 ? undefined : expected.map(formatIpv4).join(', '),
    got: addressesText(message, code),
    source,
  })
  const checks: Check[] = [
    addresses(subnetMask, [subnet.cidr.mask], 'cidr of the subnet'),
    addresses(router, subnet.gateway === undefined ? [] : [subnet.gateway], 'gateway of the subnet'),
    addresses(domainServer, subnet.dns ?? ownServer, 'dns of the subnet'),
    { code: hostName, expected: node.fqdn, got: text(hostName), source: 'name of the node' },
    {
      code: domainName,
      expected: subnet.domain ?? node.fqdn.slice(node.fqdn.indexOf('.') + 1),
      got: text(domainName),
      source: 'domain of the cluster or the subnet',
    },
    {
      code: leaseTime,
      expected: String(subnet.leaseSeconds),
      got: leaseSecondsOf(message)?.toString(),
      source: 'leaseSeconds of the subnet',
    },
    ...(isSystem
      ? [
          addresses(ntpServers, subnet.ntp, 'ntp of the subnet'),
          {
            code: domainSearch,
            expected: subnet.search.length === 0 ? undefined : subnet.search.join(', '),
            got: read(message, domainSearch, domainSearchOf)?.join(', '),
            source: 'search of the subnet',
          },
        ]
      : []),
  ]
  for (const { code, expected, got, source } of checks) {
    if (expected === got) continue
    throw new BootProblem(
      expected === undefined ? `no ${nameOf(code)}` : `${nameOf(code)} ${expected}`,
      got ?? 'none',
      `${source} in the site file, and whether the server loaded it (slipway reload)`,
    )
  }
}

/**
 * Checks a ProxyDHCP offer. Firmware combines an offer without an address with the lease of another server only if
 * option 60 is `PXEClient` (`HTTPClient` for HTTP Boot). iPXE requires the same.
 *
 * @throws {BootProblem} when a client would ignore the offer
 */
export function checkProxyOffer(message: DhcpMessage): void {
  const where = 'dhcp of the subnet in the site file, and whether the server was restarted since'
  if (message.yiaddr !== 0) {
    throw new BootProblem('a boot file without an address (dhcp: proxy)', formatIpv4(message.yiaddr), where)
  }
  const vendorClass = read(message, OptionCode.vendorClass, textOf)
  if (vendorClass === 'PXEClient' || vendorClass === 'HTTPClient') return
  throw new BootProblem(
    'option 60 "PXEClient" or "HTTPClient"',
    vendorClass ?? 'none',
    'the server, and report this bug',
  )
}

/** Whether firmware sends a request to the ProxyDHCP port: for an offer with `PXEClient` and without option 43. */
export function needsBootServer(message: DhcpMessage): boolean {
  const isPxe = read(message, OptionCode.vendorClass, textOf)?.startsWith('PXEClient') === true
  return isPxe && !message.options.some(({ code }) => code === OptionCode.vendorInformation)
}

/** UEFI HTTP Boot ignores every offer without `HTTPClient` in option 60. */
export function checkHttpOffer(message: DhcpMessage): void {
  const vendorClass = read(message, OptionCode.vendorClass, textOf)
  if (vendorClass === 'HTTPClient') return
  throw new BootProblem('option 60 "HTTPClient"', vendorClass ?? 'none', 'the server, and report this bug')
}

/**
 * OVMF stops with PXE-E16 at option 60 `PXEClient` without option 43, because it then looks for a boot server.
 */
export function checkPxeOffer(message: DhcpMessage): void {
  if (needsBootServer(message)) {
    throw new BootProblem(
      'no option 60 "PXEClient" without option 43 (UEFI stops with PXE-E16)',
      'option 60 alone',
      'the server, and report this bug',
    )
  }
}

/** Without `no-pxedhcp` in option 175, iPXE waits 3 s for a ProxyDHCP server. */
export function checkIpxeOffer(message: DhcpMessage): void {
  const noProxyDhcp = read(message, OptionCode.ipxe, subOptionsOf)?.get(176)
  if (noProxyDhcp?.[0] !== 1) {
    throw new BootProblem(
      'option 175 with no-pxedhcp (iPXE waits 3 s without it)',
      noProxyDhcp === undefined ? 'none' : String(noProxyDhcp[0]),
      'the server, and report this bug',
    )
  }
}

function nameOf(code: number): string {
  return `option ${code} (${optionRowByCode.get(code)?.name ?? 'unknown'})`
}
