/** Compiles the plan of DHCPv6 (RFC 8415): what nodes and hosts with an address in `subnets6` get. Pure. */
import { ipv6Octets, type Ipv6 } from '../../proto/address/ip.ts'
import type { Mac } from '../../proto/address/mac.ts'
import { uuidDuid, type Duid } from '../../proto/dhcpv6/duid.ts'
import { clientPort, serverPort } from '../../proto/dhcpv6/message.ts'
import { encodeAddresses, OptionCode } from '../../proto/dhcpv6/option.ts'
import { encodeFqdn, encodeNames, encodeVendorClass, intelEnterprise } from '../../proto/dhcpv6/values.ts'
import { encodeSeconds } from '../../proto/dhcp/values/number.ts'
import { encodeText } from '../../proto/dhcp/values/text.ts'
import type { Subnet6 } from '../../site/schema.ts'
import { nodeBoot, type BootFiles } from '../dhcp/boot-table.ts'
import type { BootElsewhere, BootFile, NodeBoot, PreparedOption } from '../dhcp/plan.ts'
import { reservationOf6, type Model, type NodeModel, type Reservation6 } from '../model.ts'
import { lazy } from '../steps.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'
import type { Dhcpv6Plan, Reservation6Plan, Subnet6Plan } from './plan.ts'

/** @returns nothing for a site without IPv6 networks */
export function compileDhcpv6(model: Model): Dhcpv6Plan | undefined {
  const { site, endpoint, nodes } = model
  const { address6, ports } = endpoint
  if (address6 === undefined || site.subnets6.length === 0) return undefined
  const subnets = new Map<Subnet6, Subnet6Plan>(
    site.subnets6.map((subnet) => [subnet, { network: subnet.cidr, relays: subnet.relays }]),
  )
  const byMac: [Mac, Reservation6Plan][] = []
  const byDuid: [Duid, Reservation6Plan][] = []
  const machine = (
    name: string,
    fqdn: string,
    { address, subnet }: Reservation6,
    boot: Boot = () => undefined,
  ) => {
    const resolvers = subnet.dns ?? (site.dns.serve ? [address6] : [])
    const planned = subnets.get(subnet) as Subnet6Plan
    return new LazyReservation({ name, fqdn, address, subnet, planned, resolvers, boot })
  }
  for (const node of nodes) {
    if (node.reservation6 === undefined) continue
    const boot = lazy(() => bootOf(model, node, address6))
    const reserved = machine(node.key, node.fqdn, node.reservation6, boot)
    for (const mac of [node.mac, ...(node.otherMacs ?? [])]) byMac.push([mac, reserved])
    for (const duid of node.duids ?? []) byDuid.push([duid, reserved])
  }
  for (const { name, mac = [], address } of site.hosts) {
    const declared = reservationOf6(site, address)
    if (declared === undefined || mac.length === 0) continue
    const reserved = machine(name, name, declared)
    for (const each of mac) byMac.push([each, reserved])
  }
  return {
    serverDuid: serverDuid6(address6),
    serverPort: ports.dhcp6 ?? serverPort,
    clientPort: ports.dhcp6Client ?? clientPort,
    subnets: [...subnets.values()],
    reservationByMac: new Map(byMac),
    reservationByDuid: new Map(byDuid),
  }
}

type Boot = () => Reservation6Plan['boot']

type Declared = {
  readonly name: string
  readonly fqdn: string
  readonly address: Ipv6
  readonly subnet: Subnet6
  readonly planned: Subnet6Plan
  readonly resolvers: readonly Ipv6[]
  readonly boot: Boot
}

/** A reservation whose options and boot files are compiled at the first request of the machine. */
class LazyReservation implements Reservation6Plan {
  readonly name: string
  readonly address: Ipv6
  readonly subnet: Subnet6Plan
  readonly leaseSeconds: number
  readonly #declared: Declared
  #octets: Uint8Array | undefined
  #options: ReadonlyMap<number, Uint8Array> | undefined

  constructor(declared: Declared) {
    this.name = declared.name
    this.address = declared.address
    this.subnet = declared.planned
    this.leaseSeconds = declared.subnet.leaseSeconds
    this.#declared = declared
  }

  get octets(): Uint8Array {
    return (this.#octets ??= ipv6Octets(this.address))
  }

  get options(): ReadonlyMap<number, Uint8Array> {
    return (this.#options ??= machineOptions(this.#declared))
  }

  get boot(): Reservation6Plan['boot'] {
    return this.#declared.boot()
  }
}

function machineOptions({ fqdn, subnet, resolvers }: Declared): ReadonlyMap<number, Uint8Array> {
  const search = subnet.search.length > 0 ? subnet.search : [fqdn.slice(fqdn.indexOf('.') + 1)]
  const options: [code: number, value: Uint8Array][] = [
    [OptionCode.dnsServers, encodeAddresses(resolvers)],
    [OptionCode.domainList, encodeNames(search)],
    [OptionCode.clientFqdn, encodeFqdn(fqdn)],
    [OptionCode.informationRefreshTime, encodeSeconds(Math.max(minRefreshSeconds, subnet.leaseSeconds))],
  ]
  return new Map(options.filter(([, value]) => value.length > 0))
}

/** RFC 8415 §7.6: IRT_MINIMUM. */
const minRefreshSeconds = 600

/** A dual-stack node boots over one version of IP, so that all its downloads and its evidence belong together. */
function bootOf(model: Model, node: NodeModel, address6: Ipv6): NodeBoot | BootElsewhere {
  if (node.bootsOverIpv6 !== true) return bootsOverIpv4
  return nodeBoot(node, model.endpoint, bootFiles(model, node, address6))
}

const bootsOverIpv4: BootElsewhere = {
  elsewhere: 'the node boots over IPv4: write its IPv6 address first to boot it over IPv6',
}

/** RFC 5970 §3.1: the boot file is a URL. TFTP of UEFI uses the standard port. */
function bootFiles({ endpoint }: Model, node: NodeModel, address6: Ipv6): BootFiles {
  return {
    PXEClient: (name) => urlFile(`tftp://[${address6}]/${name}`),
    HTTPClient: (name) => httpFile(absoluteUrl(endpoint, urlPaths.loader(name), node)),
    script: urlFile,
  }
}

function urlFile(url: string): BootFile {
  return { name: url, file: '', options: [bootFileUrl(url)] }
}

/** UEFI HTTP Boot accepts only replies with the vendor class HTTPClient (UEFI 2.10 §24.7). */
function httpFile(url: string): BootFile {
  const value = encodeVendorClass(intelEnterprise, ['HTTPClient'])
  return { name: url, file: '', options: [{ code: OptionCode.vendorClass, value }, bootFileUrl(url)] }
}

function bootFileUrl(url: string): PreparedOption {
  return { code: OptionCode.bootFileUrl, value: encodeText(url) }
}

/** Returns the DUID of a server: a UUID of version 8 (RFC 9562 §5.8) with the bits of its address. */
export function serverDuid6(address: Ipv6): Uint8Array {
  const uuid = ipv6Octets(address)
  uuid[6] = ((uuid[6] as number) & 0x0f) | 0x80
  uuid[8] = ((uuid[8] as number) & 0x3f) | 0x80
  return uuidDuid(uuid)
}
