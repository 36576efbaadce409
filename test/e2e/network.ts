/**
 * The network of a run: network namespaces, so that no interface, route, or file of the machine changes. The addresses
 * are those of the guide's lab.
 *
 *     office ---- server ---- bridge ---- client ---- inner      one veth pair per line
 *                      peer ----'| | '---- relay ---- far
 *                             taps  machines, router  taps are for virtual machines
 *
 *          appliance ---- bridge ---- user      the second network, on a separate bridge
 *     first, second ----'    '---- cluster, rack
 */
import { createNamespaces, type Namespaces } from './namespaces.ts'
import { run } from './process.ts'

/**
 * `machines` has the addresses of simulated nodes, for the backends of the load balancer. `inner` reaches the other
 * namespaces through the client, which can translate its address (NAT). `peer` is for a second appliance, `far` is a
 * separate subnet behind a relay agent. Only `router` has IPv6, for router advertisements.
 *
 * The second network is for the life cycle of a complete cluster, and is not connected to the first: an `appliance` with
 * its load balancer, a `first` and a `second` machine that share addresses, machines that boot in a `rack`, simulated
 * machines of the `cluster`, and a `user` of the cluster.
 */
export type Namespace = (typeof namespaces)[number]

export const addresses = {
  server: '172.16.0.101',
  peer: '172.16.0.102',
  /** The addresses of the relay agent: on the server's network, and in `far`. */
  relay: '172.16.0.250',
  relayInFar: '172.20.0.1',
  apiInternal: '172.16.0.110',
  api: '172.16.0.111',
  /** A DHCP server that is not ours, in the namespace `machines`. */
  dhcpServer: '172.16.0.253',
  /** A PXE server that is not ours, in the namespace `machines`. */
  pxeServer: '172.16.0.66',
  /** The address of the server on the network of the office. */
  serverInOffice: '192.168.124.101',
  /** The resolver for forwarded queries, which is also an allowed client. */
  resolver: '192.168.124.1',
  /** The second resolver of the office. */
  secondResolver: '192.168.124.2',
  /** Secondary name servers in the office. */
  bind: '192.168.124.53',
  knot: '192.168.124.54',
  /** Reaches the server, but `dns.clients` of the site does not contain it. */
  disallowedClient: '198.51.100.7',
} as const

export const clientMac = '52:54:00:00:0c:01'
export const clientInterface = 'cli0'
/** The network of the namespace `inner`. Only the client has a route to it. */
export const innerNetwork = '10.9.0.0/24'
export const routerInterface = 'rtr0'
export const farMac = '52:54:00:00:0f:01'
export const farInterface = 'far0'
/** Gets the MAC address of the node that boots. */
export const rackInterface = 'node0'

export type Network = Omit<Namespaces<Namespace>, 'ip' | 'nameOf'> & {
  /** One tap for each virtual machine that runs at the same time. */
  readonly taps: readonly string[]
}

const namespaces = [
  ...([
    'server',
    'peer',
    'bridge',
    'client',
    'inner',
    'machines',
    'router',
    'office',
    'relay',
    'far',
  ] as const),
  ...(['appliance', 'first', 'second', 'rack', 'cluster', 'user'] as const),
]
const taps = ['tap0', 'tap1'] as const
/** The tap of a virtual machine on the second network. */
export const rackTap = 'tap2'

export async function createNetwork(): Promise<Network> {
  const { inside, ip, nameOf, close } = await createNamespaces(namespaces)
  try {
    for (const scope of ['all', 'default']) {
      await run(inside('router', 'sysctl', '-qw', `net.ipv6.conf.${scope}.disable_ipv6=0`))
    }
    for (const bridge of ['br0', 'br1']) {
      await ip('bridge', `link add ${bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`)
      await ip('bridge', `link set ${bridge} up`)
    }
    for (const [bridge, namespace, name] of [
      ['br0', 'server', 'srv0'],
      ['br0', 'peer', 'srv0'],
      ['br0', 'relay', 'rel0'],
      ['br0', 'client', clientInterface],
      ['br0', 'machines', 'mach0'],
      ['br0', 'router', routerInterface],
      ['br1', 'appliance', 'srv0'],
      ['br1', 'first', 'srv0'],
      ['br1', 'second', 'srv0'],
      ['br1', 'cluster', 'mach0'],
      ['br1', 'rack', rackInterface],
      ['br1', 'user', 'usr0'],
    ] as const) {
      await ip('bridge', `link add to-${namespace} type veth peer name ${name} netns ${nameOf(namespace)}`)
      await ip('bridge', `link set to-${namespace} master ${bridge} up`)
      await ip(namespace, `link set ${name} up`)
    }
    for (const [tap, bridge] of [...taps.map((each) => [each, 'br0'] as const), [rackTap, 'br1'] as const]) {
      await ip('bridge', `tuntap add dev ${tap} mode tap`)
      await ip('bridge', `link set ${tap} master ${bridge} up`)
    }
    for (const address of [addresses.server, addresses.apiInternal, addresses.api]) {
      await ip('server', `addr add ${address}/24 dev srv0`)
    }
    await ip('client', `link set ${clientInterface} address ${clientMac}`)

    await ip('client', `link add nat0 type veth peer name in0 netns ${nameOf('inner')}`)
    await ip('client', 'addr add 10.9.0.1/24 dev nat0')
    await ip('client', 'link set nat0 up')
    await run(inside('client', 'sysctl', '-qw', 'net.ipv4.ip_forward=1'))
    await ip('inner', 'addr add 10.9.0.2/24 dev in0')
    await ip('inner', 'link set in0 up')
    await ip('inner', 'route add default via 10.9.0.1')
    await ip('peer', `addr add ${addresses.peer}/24 dev srv0`)
    await ip('relay', `link add rel1 type veth peer name ${farInterface} netns ${nameOf('far')}`)
    await ip('relay', 'link set rel1 up')
    await ip('relay', `addr add ${addresses.relay}/24 dev rel0`)
    await ip('relay', `addr add ${addresses.relayInFar}/24 dev rel1`)
    await run(inside('relay', 'sysctl', '-qw', 'net.ipv4.ip_forward=1'))
    await ip('server', `route add 172.20.0.0/24 via ${addresses.relay}`)
    await ip('far', `link set ${farInterface} address ${farMac}`)
    await ip('far', `link set ${farInterface} up`)

    await ip('server', `link add office0 type veth peer name off0 netns ${nameOf('office')}`)
    await ip('server', 'link set office0 up')
    await ip('server', `addr add ${addresses.serverInOffice}/24 dev office0`)
    await ip('server', `route add ${addresses.disallowedClient}/32 dev office0`)
    await ip('office', 'link set off0 up')
    for (const address of [addresses.resolver, addresses.secondResolver]) {
      await ip('office', `addr add ${address}/24 dev off0`)
    }
    await ip('office', `addr add ${addresses.disallowedClient}/32 dev off0`)
    await ip('office', `route add default via ${addresses.serverInOffice}`)
  } catch (error) {
    await close()
    throw error
  }
  return { inside, taps, close }
}
