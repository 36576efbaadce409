/** The networks that are attached to this machine, and the name and the MTU of an interface, read from its interfaces. */
import { readFileSync } from 'node:fs'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { cidrContains, formatIpv4, parseCidr, parseIpv4, type Cidr, type Ipv4 } from '../proto/address/ip.ts'
import type { Clock } from './clock.ts'

type InterfaceAddress = Pick<NetworkInterfaceInfo, 'address' | 'netmask' | 'cidr' | 'internal'> & {
  readonly mac?: string
  /** The index of the interface, for IPv6 addresses that are link-local. */
  readonly scopeid?: number
}

export type InterfaceAddresses = Readonly<Record<string, readonly InterfaceAddress[] | undefined>>

/** Addresses of interfaces are read again after this time. */
const readAgainMs = 10_000

/**
 * Returns a function that reports whether a network is attached to this machine, read from its interfaces.
 *
 * @param address one of this machine; if no interface has it, or only the loopback interface, every network counts as attached
 * @param isEvery whether all interfaces count, or only the one with the address
 */
export function createAttachedNetworks(
  clock: Pick<Clock, 'monotonic'>,
  isEvery: boolean,
  read: () => InterfaceAddresses = networkInterfaces,
): (network: Cidr, address: string) => boolean {
  const networksOf = readAgain(clock, (address) => attachedNetworks(read(), address, isEvery))
  return (network, address) => {
    const networks = networksOf(address)
    return networks.length === 0 || networks.some((each) => overlap(each, network))
  }
}

/** Returns a function that calls `read` again when its result is old, or the address is another one. */
function readAgain<T>(clock: Pick<Clock, 'monotonic'>, read: (address: string) => T): (address: string) => T {
  let known: { readonly address: string; readonly value: T; readonly at: number } | undefined
  return (address) => {
    const now = clock.monotonic()
    if (known?.address !== address || now - known.at >= readAgainMs) {
      known = { address, value: read(address), at: now }
    }
    return known.value
  }
}

function attachedNetworks(interfaces: InterfaceAddresses, address: string, isEvery: boolean): Cidr[] {
  const all = Object.values(interfaces).map((each = []) => each)
  const own = all.find((each) => each.some((one) => one.address === address && !one.internal))
  if (own === undefined) return []
  const used = isEvery ? all.flat().filter(({ internal }) => !internal) : own
  return used.flatMap((each) => {
    const network = networkOf(each)
    return network === undefined ? [] : [network]
  })
}

/** Returns the IPv4 network of an interface address. */
function networkOf({ address, netmask, cidr }: InterfaceAddress): Cidr | undefined {
  const [host, mask] = [parseIpv4(address), parseIpv4(netmask)]
  if (host === undefined || mask === undefined) return undefined
  const network = ((host & mask) >>> 0) as Ipv4
  return parseCidr(`${formatIpv4(network)}/${cidr?.split('/')[1] ?? ''}`)
}

function overlap(one: Cidr, other: Cidr): boolean {
  return cidrContains(one, other.network) || cidrContains(other, one.network)
}

/**
 * Returns a function that reports whether an interface has an address, read from the interfaces.
 *
 * @param own one of this machine; if no interface has it, or only the loopback interface, every address counts as present
 */
export function createOwnAddresses(
  clock: Pick<Clock, 'monotonic'>,
  read: () => InterfaceAddresses = networkInterfaces,
): (address: string, own: string) => boolean {
  let known: { readonly all: readonly InterfaceAddress[]; readonly at: number } | undefined
  return (address, own) => {
    const now = clock.monotonic()
    if (known === undefined || now - known.at >= readAgainMs) {
      known = { all: Object.values(read()).flatMap((each = []) => each), at: now }
    }
    const { all } = known
    const isKnown = all.some((each) => each.address === own && !each.internal)
    return !isKnown || all.some((each) => each.address === address)
  }
}

/**
 * Returns a function that reports the MTU of the interface with an address, read from the kernel; `undefined` when it is
 * not known.
 *
 * @param readMtu returns the MTU of an interface by its name, as text
 */
export function createInterfaceMtu(
  clock: Pick<Clock, 'monotonic'>,
  read: () => InterfaceAddresses = networkInterfaces,
  readMtu: (name: string) => string = (name) => readFileSync(`/sys/class/net/${name}/mtu`, 'utf8'),
): (address: string) => number | undefined {
  return readAgain(clock, (address) => mtuOf(read(), address, readMtu))
}

export type OwnInterface = {
  readonly name: string
  /** The other interfaces with an IPv4 address, without loopback interfaces. */
  readonly others: readonly string[]
}

/** Returns a function that reports the interface with an address; `undefined` when none has it. */
export function createOwnInterface(
  clock: Pick<Clock, 'monotonic'>,
  read: () => InterfaceAddresses = networkInterfaces,
): (address: string) => OwnInterface | undefined {
  return readAgain(clock, (address) => {
    const interfaces = read()
    const name = interfaceWith(interfaces, address)
    const isOther = (each: string): boolean =>
      each !== name &&
      interfaces[each]?.some((one) => !one.internal && parseIpv4(one.address) !== undefined) === true
    return name === undefined ? undefined : { name, others: Object.keys(interfaces).filter(isOther) }
  })
}

function interfaceWith(interfaces: InterfaceAddresses, address: string): string | undefined {
  return Object.keys(interfaces).find((each) => interfaces[each]?.some((one) => one.address === address))
}

function mtuOf(
  interfaces: InterfaceAddresses,
  address: string,
  readMtu: (name: string) => string,
): number | undefined {
  const name = interfaceWith(interfaces, address)
  if (name === undefined) return undefined
  try {
    const mtu = Number(readMtu(name))
    // Every network carries IPv4 datagrams of 68 octets.
    return mtu >= 68 ? mtu : undefined
  } catch {
    return undefined
  }
}
