/**
 * The machine's sockets: those that systemd passed (sd_listen_fds(3)), else bound here. Only systemd can
 * tie a socket to an interface; Node cannot, nor can it tell where a datagram came in.
 */
import { once } from 'node:events'
import type { Server } from 'node:net'
import { cannotAdopt, cannotBind } from './cannot-listen.ts'
import { adoptUdpSocket, bindUdpSocket } from './udp-socket.ts'
import type { Sockets, UdpOptions, UdpPort } from './udp.ts'

/** Takes the `LISTEN_*` variables out of `environment`, so call it once and before anything is spawned. */
export function createSockets(environment: Record<string, string | undefined>): Sockets {
  const passed = takeListenFds(environment, process.pid)
  const passedNames = [...passed.keys()]
  /** Datagram sockets already handed out; what is left of a name are its stream sockets. */
  const datagramFds = new Set<number>()

  async function adoptUdp(name: string, fds: readonly number[], options: UdpOptions): Promise<UdpPort[]> {
    const ports: UdpPort[] = []
    for (const fd of fds) {
      const port = await adoptUdpSocket(fd, options)
      if (port === 'not-udp') continue
      if (port === 'ipv6') {
        throw cannotAdopt(name, `expected IPv4 sockets; write ListenDatagram=0.0.0.0:${options.port}`)
      }
      datagramFds.add(fd)
      ports.push(port)
    }
    if (ports.length === 0) throw cannotAdopt(name, 'no datagram socket among them; add ListenDatagram=')
    return ports
  }

  async function adoptTcp(name: string, fds: readonly number[], server: Server): Promise<void> {
    const [fd, ...more] = fds
    if (fd === undefined || more.length > 0) {
      throw cannotAdopt(name, `expected one stream socket, got ${fds.length}; write one ListenStream=`)
    }
    try {
      await listen(server, { fd })
    } catch (error) {
      throw cannotAdopt(name, `${(error as Error).message}; expected a stream socket, from ListenStream=`)
    }
  }

  return {
    isAdopted: (name) => passed.has(name),

    async udp(name, options) {
      const fds = passed.get(name)
      if (fds !== undefined) return adoptUdp(name, fds, options)
      try {
        return [await bindUdpSocket(options)]
      } catch (error) {
        throw cannotBind({ transport: 'udp', ...options, name, passedNames }, error as Error)
      }
    },

    async bindUdp(options) {
      try {
        return await bindUdpSocket(options)
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

/** Sockets that systemd opened for this process: the environment's half of sd_listen_fds(3). */

type Environment = Record<string, string | undefined>

const firstDescriptor = 3

/**
 * Descriptors by FileDescriptorName, in the order of the socket units. The variables are taken out of
 * `environment`, so that no child process believes they are meant for it.
 *
 * @returns nothing when the descriptors were passed to another process (`LISTEN_PID`)
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
