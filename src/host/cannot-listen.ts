/** Why a socket could not be had, as one sentence that says which and what to do. */

/** The operator's to mend: the message is for people, and the process ends with it. */
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

/** Who usually holds a port that a boot server wants. */
const usualHolders: Readonly<Record<number, string>> = {
  53: 'systemd-resolved, named, or the dnsmasq of libvirt or NetworkManager',
  67: 'dhcpd, or the dnsmasq of libvirt',
  69: 'tftpd or dnsmasq',
  80: 'nginx, httpd or haproxy',
  4011: 'another PXE server, such as dnsmasq',
}

/** What the system's error means for the socket that was wanted. */
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
      return `no interface of this machine has the address ${wanted.address}; correct the site's server.address or add it to an interface`
    default:
      return error.message
  }
}

function taken({ transport, port }: Wanted): string {
  const holders = usualHolders[port]
  const often = holders === undefined ? '' : ` (often by ${holders})`
  const flags = transport === 'udp' ? '-lunp' : '-ltnp'
  return `the port is taken${often}; see by whom with: ss ${flags} 'sport = :${port}'`
}

function forbidden({ name, passedNames = [] }: Wanted): string {
  if (name !== undefined && passedNames.length > 0) {
    const names = passedNames.join(', ')
    return `no privilege to bind it, and systemd passed sockets named ${names} but none with FileDescriptorName=${name}`
  }
  return (
    'ports below 1024 need a privilege; start slipway by its systemd socket units, ' +
    "give it CAP_NET_BIND_SERVICE, or set other ports in the site's server.ports"
  )
}

/** Whether a socket could not be had because its port is another one's: a neighbouring port may be free. */
export function isPortTaken(error: unknown): boolean {
  const cause = error instanceof CannotListen ? error.cause : error
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
}

/** The sockets that systemd passed under `name` do not fit; `problem` says how, and what would. */
export function cannotAdopt(name: string, problem: string): CannotListen {
  return new CannotListen(`cannot use the sockets that systemd passed as ${name}: ${problem}`)
}
