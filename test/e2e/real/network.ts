/**
 * The network of the complete installation: one bridge with the appliance, the host of the control plane, a second
 * appliance, a router, and a tap for each virtual machine.
 *
 *     appliance, peer ---- bridge ---- control
 *               router ----'    '---- taps
 */
import { createNamespaces, type Namespaces } from '../namespaces.ts'
import { run } from '../process.ts'

const namespaces = ['bridge', 'appliance', 'peer', 'control', 'router'] as const

export type RealNamespace = (typeof namespaces)[number]
export type RealNetwork = Pick<Namespaces<RealNamespace>, 'inside' | 'ip' | 'nameOf' | 'close'>

export const domain = 'ocp45.example.localdomain'

export const addresses = {
  appliance: '172.16.0.101',
  peer: '172.16.0.102',
  apiInternal: '172.16.0.110',
  api: '172.16.0.111',
  /** The host of etcd and of the API server. */
  control: '172.16.0.120',
} as const

export type RealNode = {
  readonly name: string
  readonly role: 'bootstrap' | 'master' | 'worker'
  readonly mac: string
  readonly address: string
}

export const nodes = {
  /** A stand-in: its address is on the host of the control plane until the bootstrap is complete. */
  bs: node('bs', 'bootstrap', 11),
  m1: node('m1', 'master', 21),
  w1: node('w1', 'worker', 31),
  w2: node('w2', 'worker', 32),
  /** Added on day 2. */
  w3: node('w3', 'worker', 33),
} as const

/** The last octet of an address is the last pair of digits of its MAC. */
function node(name: string, role: RealNode['role'], lastOctet: number): RealNode {
  return { name, role, mac: `52:54:00:00:01:${lastOctet}`, address: `172.16.0.${lastOctet}` }
}

/** A declared host in the namespace `peer`, from which answers are measured. */
export const probe = { mac: '52:54:00:00:02:01', address: '172.16.0.61' } as const

/** Returns the tap of a node's virtual machine. */
export function tapOf({ name }: RealNode): string {
  return `tap-${name}`
}

export const routerInterface = 'rtr0'

export async function createRealNetwork(): Promise<RealNetwork> {
  const network = await createNamespaces(namespaces)
  const { inside, ip, nameOf, close } = network
  try {
    for (const scope of ['all', 'default']) {
      await run(inside('router', 'sysctl', '-qw', `net.ipv6.conf.${scope}.disable_ipv6=0`))
    }
    await ip('bridge', 'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0')
    await ip('bridge', 'link set br0 up')
    for (const [namespace, name] of [
      ['appliance', 'srv0'],
      ['peer', 'srv0'],
      ['control', 'ctl0'],
      ['router', routerInterface],
    ] as const) {
      await ip('bridge', `link add to-${namespace} type veth peer name ${name} netns ${nameOf(namespace)}`)
      await ip('bridge', `link set to-${namespace} master br0 up`)
      await ip(namespace, `link set ${name} up`)
    }
    for (const { name } of Object.values(nodes)) {
      await ip('bridge', `tuntap add dev tap-${name} mode tap`)
      await ip('bridge', `link set tap-${name} master br0 up`)
    }
    for (const address of [addresses.appliance, addresses.apiInternal, addresses.api]) {
      await ip('appliance', `addr add ${address}/24 dev srv0`)
    }
    await ip('peer', `link set srv0 address ${probe.mac}`)
    for (const address of [addresses.peer, probe.address]) await ip('peer', `addr add ${address}/24 dev srv0`)
    for (const address of [addresses.control, nodes.bs.address]) {
      await ip('control', `addr add ${address}/24 dev ctl0`)
    }
  } catch (error) {
    await close()
    throw error
  }
  return network
}
