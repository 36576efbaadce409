/**
 * Opens this machine's sockets: those that systemd passed (sd_listen_fds(3)), or sockets bound here. Only systemd can
 * bind a socket to an interface; Node cannot, and does not report the interface of a datagram.
 */
import { once } from 'node:events'
import type { Server } from 'node:net'
import { cannotAdopt, cannotBind } from './cannot-listen.ts'
import type { Sending } from './send-guard.ts'
import { adoptUdpSocket, bindUdpSocket } from './udp-socket.ts'
import type { Sockets, UdpOptions, UdpPort } from './udp.ts'

/** Removes the `LISTEN_*` variables from `environment`: call it once, before starting any child process. */
export function createSockets(environment: Record<string, string | undefined>, sending?: Sending): Sockets {
  const passed = takeListenFds(environment, process.pid)
  const passedNames = [...passed.keys()]
  /** Datagram sockets already in use; the other sockets of a name are stream sockets. */
  const datagramFds = new Set<number>()

  async function adoptUdp(name: string, fds: readonly number[], options: UdpOptions): Promise<UdpPort[]> {
    const ports: UdpPort[] = []
    for (const fd of fds) {
      const port = await adoptUdpSocket(fd, options, sending)
      if (port === 'not-udp') continue
      if (port === 'ipv6') {
        throw cannotAdopt(name, `expected IPv4 sockets; set ListenDatagram=0.0.0.0:${options.port}`)
      }
      datagramFds.add(fd)
      ports.push(port)
    }
    if (ports.length === 0) throw cannotAdopt(name, 'none is a datagram socket; add ListenDatagram=')
    return ports
  }

  async function adoptTcp(name: string, fds: readonly number[], server: Server): Promise<void> {
    const [fd, ...more] = fds
    if (fd === undefined || more.length > 0) {
      throw cannotAdopt(name, `expected one stream socket, got ${fds.length}; set one ListenStream=`)
    }
    try {
      await listen(server, { fd })
    } catch (error) {
      throw cannotAdopt(name, `${(error as Error).message}; expected a stream socket (ListenStream=)`)
    }
  }

  return {
    isAdopted: (name) => passed.has(name),

    async udp(name, options) {
      const fds = passed.get(name)
      if (fds !== undefined) return adoptUdp(name, fds, options)
      try {
        return [await bindUdpSocket(options, sending)]
      } catch (error) {
        throw cannotBind({ transport: 'udp', ...options, name, passedNames }, error as Error)
      }
    },

    async bindUdp(options) {
      try {
        return await bindUdpSocket(options, sending)
      } catch (error) {
        throw cannotBind({ transport: 'udp', ...options }, error as Error)
      }
    },

    async tcp(name, server, { address, port }) {
      const fds = passed.get(name)?.filter((fd) => !datagramFds.has(fd))
      if (fds !== undefined) return adoptTcp(name, fds, server)
      try {
        await listen(server, { host: address, port })
      } catch (error) {
        throw cannotBind({ transport: 'tcp', address, port, name, passedNames }, error as Error)
      }
    },
  }
}

async function listen(
  server: Server,
  options: { host: string; port: number } | { fd: number },
): Promise<void> {
  server.listen(options)
  await once(server, 'listening')
}

type Environment = Record<string, string | undefined>

const firstDescriptor = 3

/**
 * Returns the descriptors that systemd passed by FileDescriptorName, in the order of the socket units
 * (sd_listen_fds(3)). Removes the variables from `environment`, so that child processes do not use them.
 *
 * @returns an empty map when the descriptors are for another process (`LISTEN_PID`)
 */
export function takeListenFds(environment: Environment, pid: number): ReadonlyMap<string, readonly number[]> {
  const isForUs = Number(environment['LISTEN_PID']) === pid
  const count = isForUs ? Number(environment['LISTEN_FDS']) : 0
  const names = (environment['LISTEN_FDNAMES'] ?? '').split(':')
  for (const variable of ['LISTEN_PID', 'LISTEN_PIDFDID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) {
    Reflect.deleteProperty(environment, variable)
  }
  const descriptorsByName = new Map<string, number[]>()
  for (let index = 0; index < count; index++) {
    // sd_listen_fds_with_names(3) calls a descriptor without a name "unknown".
    const name = names[index] || 'unknown'
    descriptorsByName.set(name, [...(descriptorsByName.get(name) ?? []), firstDescriptor + index])
  }
  return descriptorsByName
}
