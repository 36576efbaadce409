/**
 * The links that DHCPv6 is served on: interfaces of this machine with an address in a network of the site. On each, the
 * socket joins the multicast group of servers (RFC 8415 §7.1); on all others it receives nothing from clients.
 */
import { networkInterfaces } from 'node:os'
import { ipv6Octets, parseIpv6 } from '../../proto/address/ip.ts'
import { cidr6Contains, type Cidr6 } from '../../proto/address/network6.ts'
import { allAgentsAndServers } from '../../proto/dhcpv6/message.ts'
import type { InterfaceAddresses } from '../../host/attached-networks.ts'
import type { Clock } from '../../host/clock.ts'
import type { Log } from '../../host/log.ts'
import type { UdpPort } from '../../host/udp.ts'
import type { Dhcpv6Plan } from '../../plan/dhcpv6/plan.ts'
import type { Dhcpv6Code } from './codes.ts'
import type { NetworksOn } from './respond.ts'

export type Links = {
  /** Returns the declared networks of an interface. */
  networksOn(name: string): readonly Cidr6[]
  /** Reads the interfaces, and joins the group on those that are new. */
  refresh(): void
  /** The interfaces on which clients are served. */
  names(): readonly string[]
  close(): void
}

/** An interface can be created, or get its address, after the start. */
const refreshMs = 5000

/** How long a thread that does not join groups uses what it has read: less than a client waits for its second answer. */
const readAgainMs = 1000

/** The declared networks of interfaces, by the name of the interface. */
type DeclaredNetworks = ReadonlyMap<string, readonly Cidr6[]>

function declaredNetworks(interfaces: InterfaceAddresses, subnets: Dhcpv6Plan['subnets']): DeclaredNetworks {
  const found = new Map<string, readonly Cidr6[]>()
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    const own = addresses.flatMap(({ address, internal }) => {
      const parsed = internal ? undefined : parseIpv6(address)
      return parsed === undefined ? [] : [ipv6Octets(parsed)]
    })
    const declared = subnets
      .map(({ network }) => network)
      .filter((network) => own.some((address) => cidr6Contains(network, address)))
    if (declared.length > 0) found.set(name, declared)
  }
  return found
}

/** Returns a function that returns the declared networks of an interface, for a thread that does not join groups. */
export function createNetworksOn(
  plan: () => Pick<Dhcpv6Plan, 'subnets'>,
  clock: Pick<Clock, 'monotonic'>,
  interfaces: () => InterfaceAddresses = networkInterfaces,
): NetworksOn {
  let known:
    { readonly subnets: unknown; readonly at: number; readonly networks: DeclaredNetworks } | undefined
  return (name) => {
    const now = clock.monotonic()
    const { subnets } = plan()
    if (known?.subnets !== subnets || now - known.at >= readAgainMs) {
      known = { subnets, at: now, networks: declaredNetworks(interfaces(), subnets) }
    }
    return known.networks.get(name) ?? []
  }
}

export function createLinks(options: {
  readonly plan: () => Pick<Dhcpv6Plan, 'subnets'>
  readonly ports: readonly Pick<UdpPort, 'join'>[]
  readonly clock: Pick<Clock, 'after'>
  readonly log: Log
  readonly interfaces?: () => InterfaceAddresses
}): Links {
  const { plan, ports, clock, log, interfaces = networkInterfaces } = options
  let networks: DeclaredNetworks = new Map()
  /** Interfaces whose group was joined, with their index: one that is created again has another index. */
  const joined = new Map<string, number>()
  const failed = new Set<string>()
  let timer = clock.after(refreshMs, tick)

  function tick(): void {
    refresh()
    timer = clock.after(refreshMs, tick)
  }

  function refresh(): void {
    const all = interfaces()
    networks = declaredNetworks(all, plan().subnets)
    for (const name of networks.keys()) {
      const scopes = (all[name] ?? []).map(({ scopeid = 0 }) => scopeid)
      const index = scopes.find((scope) => scope > 0) ?? 0
      if (joined.get(name) !== index) join(name, index)
    }
  }

  function join(name: string, index: number): void {
    try {
      for (const port of ports) port.join?.(allAgentsAndServers, name)
      joined.set(name, index)
      failed.delete(name)
    } catch (error) {
      if (failed.has(name)) return
      failed.add(name)
      const code: Dhcpv6Code = 'dhcpv6.group-not-joined'
      log.warn({ code, interface: name, err: error }, 'multicast group not joined')
    }
  }

  refresh()
  return {
    networksOn: (name) => networks.get(name) ?? [],
    refresh,
    names: () => [...networks.keys()],
    close: () => timer.cancel(),
  }
}
