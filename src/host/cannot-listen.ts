/**
 * Errors for sockets that cannot be opened: the message names the socket, the reason, and what to do. Also checks the
 * interface that faces the nodes before sockets are bound, because Node binds to addresses only.
 */
import { readFileSync } from 'node:fs'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import { pause, type Clock } from './clock.ts'

/** An error that the administrator has to fix. */
export class CannotListen extends Error {
  override readonly name = 'CannotListen'
}

type Wanted = {
  readonly transport: 'udp' | 'tcp'
  readonly address: string
  readonly port: number
  /** The service's FileDescriptorName, when it has one. */
  readonly name?: string
  /** The names under which systemd passed sockets. */
  readonly passedNames?: readonly string[]
}

/** Programs that often use the ports of a boot server. */
const usualHolders: Readonly<Record<number, string>> = {
  53: 'systemd-resolved, named, or the dnsmasq of libvirt or NetworkManager',
  67: 'dhcpd or the dnsmasq of libvirt',
  69: 'tftpd or dnsmasq',
  80: 'nginx, httpd or haproxy',
  4011: 'another PXE server, such as dnsmasq',
}

/** Explains the system's error for the requested socket. */
export function cannotBind(wanted: Wanted, error: Error): CannotListen {
  const forName = wanted.name === undefined ? '' : ` for ${wanted.name}`
  const where = `${wanted.transport} ${wanted.address}:${wanted.port}${forName}`
  return new CannotListen(`cannot listen on ${where}: ${explain(wanted, error)}`, { cause: error })
}

function explain(wanted: Wanted, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return taken(wanted)
    case 'EACCES':
      return forbidden(wanted)
    case 'EADDRNOTAVAIL':
      return `no interface of this machine has the address ${wanted.address}; correct server.address in the site file, or add the address to an interface`
    default:
      return error.message
  }
}

function taken({ transport, port }: Wanted): string {
  const holders = usualHolders[port]
  const often = holders === undefined ? '' : ` (often ${holders})`
  const flags = transport === 'udp' ? '-lunp' : '-ltnp'
  return `another process uses the port${often}; find it with: ss ${flags} 'sport = :${port}'`
}

function forbidden({ name, passedNames = [] }: Wanted): string {
  if (name !== undefined && passedNames.length > 0) {
    const names = passedNames.join(', ')
    return `no privilege to bind it; systemd passed sockets named ${names}, but none with FileDescriptorName=${name}`
  }
  return (
    'ports below 1024 require a privilege; start slipway with its systemd socket units, ' +
    'grant it CAP_NET_BIND_SERVICE, or set other ports in server.ports of the site file'
  )
}

/** Returns whether another process uses the port, so that a neighboring port can be free. */
export function isPortTaken(error: unknown): boolean {
  const cause = error instanceof CannotListen ? error.cause : error
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
}

/** @param problem why the sockets that systemd passed under `name` cannot be used, and what to change */
export function cannotAdopt(name: string, problem: string): CannotListen {
  return new CannotListen(`cannot use the sockets that systemd passed as ${name}: ${problem}`)
}

type Interfaces = Readonly<Record<string, readonly Pick<NetworkInterfaceInfo, 'address'>[] | undefined>>

/**
 * What the kernel knows of interfaces without a carrier, which Node does not list: a bridge before its first port is up, or
 * a network card without a cable.
 */
export type KernelInterfaces = {
  /** Returns the flags of an interface as text, `0x1003`; throws when it does not exist. */
  readonly flags: (name: string) => string
  /** Returns the routes of the kernel with all local addresses (proc_net(5)); throws where there are none. */
  readonly routes: () => string
}

const kernel: KernelInterfaces = {
  flags: (name) => readFileSync(`/sys/class/net/${name}/flags`, 'utf8'),
  routes: () => readFileSync('/proc/net/fib_trie', 'utf8'),
}

/** IFF_UP (netdevice(7)). */
const upFlag = 1

function isUp(name: string, { flags }: KernelInterfaces): boolean {
  try {
    return (Number(flags(name)) & upFlag) !== 0
  } catch {
    return false
  }
}

function isLocal(address: string, { routes }: KernelInterfaces): boolean {
  try {
    const own = new RegExp(`\\|-- ${address.replaceAll('.', '\\.')}\\n(?: +/.*\\n)*? +/32 host LOCAL\\n`)
    return own.test(routes())
  } catch {
    return false
  }
}

/** Returns whether an interface that is up has the address. */
export function hasAddress(
  address: string,
  interfaces: Interfaces = networkInterfaces(),
  known: KernelInterfaces = kernel,
): boolean {
  // All of 127.0.0.0/8 is on the loopback interface (RFC 1122 §3.2.1.3).
  if (address.startsWith('127.')) return true
  const isListed = Object.values(interfaces).some((each = []) => each.some((one) => one.address === address))
  return isListed || isLocal(address, known)
}

/** Delay between two checks for the address. */
const recheckMs = 1000

/**
 * Resolves when an interface of this machine, by default any, has the address.
 *
 * @param onWait called once, with the reason, if it does not have it yet
 */
export async function untilAddress(
  { name, address }: { readonly name: string | undefined; readonly address: string },
  clock: Clock,
  onWait: (reason: string) => void,
  isThere = (): string | undefined => missingAddress(name, address),
): Promise<void> {
  let reason = isThere()
  if (reason !== undefined) onWait(reason)
  while (reason !== undefined) {
    await pause(clock, recheckMs)
    reason = isThere()
  }
}

function missingAddress(name: string | undefined, address: string): string | undefined {
  try {
    if (name !== undefined) requireInterface(name, address)
    else if (!hasAddress(address)) return `no interface of this machine has the address ${address}`
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * @param interfaces the interfaces that are up, have a carrier, and have an address
 * @throws {CannotListen} when `name` is not up, or does not have this address
 */
export function requireInterface(
  name: string,
  address: string,
  interfaces: Interfaces = networkInterfaces(),
  known: KernelInterfaces = kernel,
): void {
  const addresses = interfaces[name]?.map((each) => each.address)
  if (addresses === undefined) {
    if (isUp(name, known) && isLocal(address, known)) return
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
