/** The BMCs of the nodes with their settings resolved: node, then cluster, then site. Pure. */
import type { bmcProtocols, networkBoots } from '../site/bmc-section.ts'
import { declaredNodes } from '../site/declared.ts'
import type { Node, Site } from '../site/schema.ts'
import { defined } from '../text/defined.ts'
import { loaderOfImage } from './dhcp/boot-table.ts'
import type { Model, NodeModel } from './model.ts'
import { absoluteUrl, urlPaths } from './urls.ts'

export type BmcProtocol = (typeof bmcProtocols)[number]
export type NetworkBoot = (typeof networkBoots)[number]

export type BmcPlan = {
  /** Key of the node. */
  readonly node: string
  readonly protocol: BmcProtocol
  /** Name or address; an IPv6 address without brackets. */
  readonly host: string
  readonly port: number
  /** Whether Redfish uses plain HTTP, as emulators do. */
  readonly isPlain: boolean
  /** Id or path of the Redfish system; absent if the BMC has only one. */
  readonly system?: string
  /** Path of a file, or the name of a systemd credential; absent if the site sets none. */
  readonly credentials?: string
  /** File with CA certificates; absent if the certificate is pinned. */
  readonly ca?: string
  readonly networkBoot: NetworkBoot
  /** UEFI loader of the node, for BMCs that take a URL for UEFI HTTP Boot. */
  readonly loaderUrl: string
  /** Whether arming the node also restarts it from the network. */
  readonly isManaged: boolean
}

/** By node key, ordered as in the site file; only nodes that declare a BMC. */
export type BmcPlans = ReadonlyMap<string, BmcPlan>

export function compileBmcs({ site, endpoint, nodes }: Pick<Model, 'site' | 'endpoint' | 'nodes'>): BmcPlans {
  const models = new Map(nodes.map((node) => [node.key, node] as const))
  return new Map(
    declaredNodes(site).flatMap(({ cluster, node }): [string, BmcPlan][] => {
      if (node.bmc === undefined) return []
      const inherited = { ...defined(site.bmc ?? {}), ...defined(cluster.bmc ?? {}) }
      const settings = { ...inherited, ...defined(node.bmc), address: node.bmc.address }
      const key = `${cluster.name}/${node.name}` as const
      // The rules allow a BMC only for nodes that slipway boots.
      const booted = models.get(key) as NodeModel
      const loaderUrl = absoluteUrl(
        endpoint,
        urlPaths.loader(loaderOfImage(booted, site.images[booted.image]?.architecture)),
        booted,
      )
      return [[key, { node: key, ...resolveBmc(settings), loaderUrl }]]
    }),
  )
}

type Settings = NonNullable<Site['bmc']> & NonNullable<Node['bmc']>

/** @param settings with an address that the schema accepts */
export function resolveBmc(settings: Settings): Omit<BmcPlan, 'node' | 'loaderUrl'> {
  const { scheme, transport, host, port, path } = splitAddress(settings.address)
  const protocol = settings.protocol ?? (scheme === 'ipmi' ? 'ipmi' : 'redfish')
  const isPlain = transport === 'http'
  const { credentials, ca, networkBoot = 'pxe', power = 'manual' } = settings
  return {
    protocol,
    host,
    port: port ?? defaultPort(protocol, isPlain),
    isPlain,
    ...defined({ system: settings.system ?? path, credentials, ca }),
    networkBoot,
    isManaged: power === 'managed',
  }
}

/** Returns how messages name a BMC: `172.16.0.201`, with a port if it is not the usual one. */
export function bmcName({ host, port, protocol, isPlain }: BmcAddress): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === defaultPort(protocol, isPlain) ? name : `${name}:${port}`
}

export type BmcAddress = Pick<BmcPlan, 'host' | 'port' | 'protocol' | 'isPlain'>

/** Returns the URL of a BMC as BareMetalHosts of metal3.io have it. */
export function bareMetalUrl({ address, system = '1' }: NonNullable<Node['bmc']>): string {
  if (address.includes('://')) return address
  const path = system.startsWith('/') ? system : `/redfish/v1/Systems/${system}`
  return `redfish-virtualmedia://${address}${path}`
}

function defaultPort(protocol: BmcProtocol, isPlain: boolean): number {
  if (protocol === 'ipmi') return 623
  return isPlain ? 80 : 443
}

const addressPattern =
  /^(?:(?<scheme>[a-z][a-z0-9-]*)(?:\+(?<transport>https?))?:\/\/(?:[^@/]*@)?)?(?<host>\[[^\]]+\]|[^:/?]+)(?::(?<port>\d+))?(?<path>\/[^?#]+)?/

function splitAddress(address: string) {
  // The schema guarantees a host.
  const { scheme, transport, host, port, path } = addressPattern.exec(address)?.groups as Readonly<
    Record<string, string | undefined>
  >
  return {
    scheme,
    transport: transport ?? scheme,
    host: (host as string).replace(/^\[|\]$/g, ''),
    port: port === undefined ? undefined : Number(port),
    path,
  }
}
