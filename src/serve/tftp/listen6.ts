/** TFTP on the IPv6 address of the server, always in the main thread: lanes have IPv4 sockets. */
import { endpointText } from '../../text/endpoint.ts'
import type { TftpServer, TftpService, TftpServiceOptions } from './listen.ts'

/**
 * Adds IPv6 to a service.
 *
 * @returns the service itself if the server has no IPv6 address
 * @throws {CannotListen} when the port cannot be opened; then the service is closed
 */
export async function withIpv6(
  { sockets, onLost, plan }: Pick<TftpServiceOptions, 'sockets' | 'onLost' | 'plan'>,
  service: TftpService,
  createServer: () => TftpServer,
): Promise<TftpService> {
  const { ipv6, port } = plan()
  if (ipv6 === undefined) return service
  const opened = await sockets
    .udp('tftp6', { address: ipv6.address, port, onLost })
    .catch(async (error: unknown) => {
      await service.close(0)
      throw error
    })
  const server = createServer()
  for (const each of opened) {
    each.receive((batch) => {
      for (const datagram of batch) server.receive(each, datagram)
    })
  }
  const closePorts = () => Promise.all(opened.map((each) => each.close()))
  return {
    ...service,
    listening: [...service.listening, ...opened.map(({ local }) => `udp ${endpointText(local)}`)],
    async close(graceMs) {
      await Promise.all([service.close(graceMs), server.close(graceMs, closePorts)])
    },
  }
}
