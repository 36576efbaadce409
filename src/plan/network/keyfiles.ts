/**
 * The network of a node as keyfiles of NetworkManager (nm-settings-keyfile(5)) for the installed system. The names `master`
 * and `slave-type` of properties are those that every release understands. Pure.
 */
import { formatIp, isIpv4 } from '../../proto/address/ip.ts'
import type { Mac } from '../../proto/address/mac.ts'
import type { NetworkRoute } from '../../site/network-section.ts'
import {
  addressesOf,
  familyOf,
  isDefaultRoute,
  isDynamic,
  resolverOwner,
  type Family,
  type NodeInterface,
  type NodeNetwork,
} from '../../site/node-network.ts'
import { keyfilePath } from '../../site/file-paths.ts'
import { destinationText, optionText } from './arguments.ts'

export type Keyfile = { readonly path: string; readonly text: string }

/** Returns one file for each interface. */
export function renderKeyfiles(network: NodeNetwork): Keyfile[] {
  if (network.use === 'arguments') return []
  return network.interfaces.map((each) => ({
    path: keyfilePath(each.name),
    text: groupsText(keyfileGroups(network, each)),
  }))
}

type Group = { readonly name: string; readonly keys: readonly (readonly [string, string | number])[] }

function groupsText(groups: readonly Group[]): string {
  return groups
    .filter(({ keys }) => keys.length > 0)
    .map(({ name, keys }) => `[${name}]\n${keys.map(([key, value]) => `${key}=${value}\n`).join('')}`)
    .join('\n')
}

const connectionTypes = {
  ethernet: 'ethernet',
  bond: 'bond',
  vlan: 'vlan',
  'linux-bridge': 'bridge',
} as const

function keyfileGroups(network: NodeNetwork, each: NodeInterface): Group[] {
  const { name, type, byMac, mtu, controller, vlan, bridge, 'link-aggregation': bond } = each
  return [
    {
      name: 'connection',
      keys: [
        ['id', name],
        ...(byMac === undefined
          ? ([['interface-name', name]] as const)
          : ([['uuid', uuidOf(byMac)]] as const)),
        ['type', connectionTypes[type]],
        ...(controller === undefined
          ? []
          : ([
              ['master', controller.name],
              ['slave-type', connectionTypes[controller.type]],
            ] as const)),
        // Otherwise a bond that starts first would wait for its ports.
        ...(bond === undefined && bridge === undefined ? [] : ([['autoconnect-slaves', 1]] as const)),
      ],
    },
    {
      name: 'ethernet',
      keys: [
        ...(byMac === undefined ? [] : ([['mac-address', byMac]] as const)),
        ...(mtu === undefined ? [] : ([['mtu', mtu]] as const)),
      ],
    },
    {
      name: 'bond',
      keys: Object.entries(bond === undefined ? {} : { mode: bond.mode, ...bond.options }).map(
        ([key, value]) => [key, optionText(value)] as const,
      ),
    },
    {
      name: 'vlan',
      keys:
        vlan === undefined
          ? []
          : [
              ['id', vlan.id],
              ['parent', parentOf(network, vlan['base-iface'])],
            ],
    },
    {
      name: 'bridge',
      keys: bridge === undefined ? [] : [['stp', String(bridge.options.stp.enabled)]],
    },
    ...(controller === undefined
      ? (['ipv4', 'ipv6'] as const).map((family) => ({ name: family, keys: ipKeys(network, each, family) }))
      : []),
  ]
}

/** NetworkManager finds the base of a VLAN by the name of the interface, or by the UUID of its connection. */
function parentOf({ interfaces }: NodeNetwork, base: string): string {
  const mac = interfaces.find(({ name }) => name === base)?.byMac
  return mac === undefined ? base : uuidOf(mac)
}

/** A UUID of version 8 (RFC 9562 §5.8), whose contents the program defines: here "slipwa" and the MAC address. */
function uuidOf(mac: Mac): string {
  return `736c6970-7761-8000-8000-${mac.replaceAll(':', '')}`
}

function ipKeys(network: NodeNetwork, each: NodeInterface, family: Family): Group['keys'] {
  const method = methodOf(each, family)
  if (method === 'disabled') return [['method', method]]
  const routes = network.routes.filter(
    (route) => route['next-hop-interface'] === each.name && familyOf(route['next-hop-address']) === family,
  )
  const gateway = routes.find((route) => isDefaultRoute(route) && route.metric === undefined)
  return [
    ['method', method],
    // Otherwise the node would be online with IPv6 alone, and its services would start before it has its address.
    ...(family === 'ipv4' ? ([['may-fail', 'false']] as const) : []),
    ...addressesOf(each, family).map(
      ({ ip, 'prefix-length': prefix }, index) =>
        [`address${index + 1}`, `${formatIp(ip)}/${prefix}`] as const,
    ),
    ...(gateway === undefined ? [] : ([['gateway', formatIp(gateway['next-hop-address'])]] as const)),
    ...routes
      .filter((route) => route !== gateway)
      .map((route, index) => [`route${index + 1}`, routeText(route)] as const),
    ...resolverKeys(network, each, family),
    ...(isDynamic(each, family) ? dynamicKeys[family] : []),
    // An address from the MAC address, by which slipway also recognizes the client.
    ...(family === 'ipv6' ? ([['addr-gen-mode', 'eui64']] as const) : []),
  ]
}

/** The values of nmstate: requests without an end, and identifiers from the MAC address, which the site declares. */
const endless = 2_147_483_647
const dynamicKeys = {
  ipv4: [
    ['dhcp-client-id', 'mac'],
    ['dhcp-timeout', endless],
  ],
  ipv6: [
    ['dhcp-duid', 'll'],
    ['dhcp-iaid', 'mac'],
    ['dhcp-timeout', endless],
    ['ra-timeout', endless],
  ],
} as const

function methodOf(each: NodeInterface, family: Family): string {
  if (each[family] === undefined || each[family].enabled === false) return 'disabled'
  if (family === 'ipv4') {
    if (isDynamic(each, family)) return 'auto'
    return addressesOf(each, family).length > 0 ? 'manual' : 'disabled'
  }
  if (isDynamic(each, family)) return each.ipv6?.autoconf === true ? 'auto' : 'dhcp'
  return addressesOf(each, family).length > 0 ? 'manual' : 'link-local'
}

function routeText(route: NetworkRoute): string {
  const { destination, 'next-hop-address': router, metric } = route
  const parts = [destinationText(destination), formatIp(router)]
  return [...parts, ...(metric === undefined ? [] : [metric])].join(',')
}

/** Resolvers of the section replace those of DHCP. The search list belongs to the family of the first resolver. */
function resolverKeys(network: NodeNetwork, each: NodeInterface, family: Family): Group['keys'] {
  const { servers, search } = network
  if (resolverOwner(network, family)?.name !== each.name) return []
  const own = servers.filter((server) => isIpv4(server) === (family === 'ipv4'))
  if (own.length === 0) return []
  const isFirst = own[0] === servers[0]
  return [
    ['dns', `${own.map(formatIp).join(';')};`],
    ...(isFirst && search.length > 0 ? ([['dns-search', `${search.join(';')};`]] as const) : []),
    ...(isDynamic(each, family) ? ([['ignore-auto-dns', 'true']] as const) : []),
  ]
}
