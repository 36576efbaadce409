/** Whether the interface that faces the nodes is there. Node binds to addresses only, so this is asked beforehand. */
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { CannotListen } from './cannot-listen.ts'

type Interfaces = Readonly<Record<string, readonly Pick<NetworkInterfaceInfo, 'address'>[] | undefined>>

/**
 * @param interfaces those that are up and have an address
 * @throws {CannotListen} when `name` is not among them, or has not this address
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
      `cannot serve on ${name}: this machine has no such interface that is up and has an address (it has ${others}); ` +
        "correct the site's server.interface or bring it up",
    )
  }
  // All of 127.0.0.0/8 is on the loopback interface, whether named or not (RFC 1122 §3.2.1.3).
  const isLoopback = address.startsWith('127.') && addresses.includes('127.0.0.1')
  if (!isLoopback && !addresses.includes(address)) {
    throw new CannotListen(
      `cannot serve on ${name}: it has ${addresses.join(', ')} but not ${address}; ` +
        "correct the site's server.address or server.interface, or add the address to the interface",
    )
  }
}
