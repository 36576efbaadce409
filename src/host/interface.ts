/** Checks the interface that faces the nodes before sockets are bound, because Node binds to addresses only. */
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { CannotListen } from './cannot-listen.ts'

type Interfaces = Readonly<Record<string, readonly Pick<NetworkInterfaceInfo, 'address'>[] | undefined>>

/** Returns whether an interface that is up has the address, so that clients can reach it. */
export function hasAddress(address: string, interfaces: Interfaces = networkInterfaces()): boolean {
  // All of 127.0.0.0/8 is on the loopback interface (RFC 1122 §3.2.1.3).
  if (address.startsWith('127.')) return true
  return Object.values(interfaces).some((each = []) => each.some((one) => one.address === address))
}

/**
 * @param interfaces the interfaces that are up and have an address
 * @throws {CannotListen} when `name` is not one of them, or does not have this address
 */
export function requireInterface(
  name: string,
  address: string,
  interfaces: Interfaces = networkInterfaces(),
): void {
  const addresses = interfaces[name]?.map((each) => each.address)
  if (addresses === undefined) {
    const others = Object.keys(interfaces).join(', ') || 'none'
    throw new CannotListen(
      `cannot serve on ${name}: no interface with this name is up and has an address (available: ${others}); ` +
        'correct server.interface in the site file, or bring the interface up',
    )
  }
  // All of 127.0.0.0/8 is on the loopback interface (RFC 1122 §3.2.1.3).
  const isLoopback = address.startsWith('127.') && addresses.includes('127.0.0.1')
  if (!isLoopback && !addresses.includes(address)) {
    throw new CannotListen(
      `cannot serve on ${name}: it has the addresses ${addresses.join(', ')}, but not ${address}; ` +
        'correct server.address or server.interface in the site file, or add the address to the interface',
    )
  }
}
