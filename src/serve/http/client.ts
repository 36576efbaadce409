/** Who asks: the peer of a connection, as logs and the plan name it. */
import type { Socket } from 'node:net'
import type { HttpPlan } from '../../plan/http.ts'

type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>

/**
 * `node` is undefined where the address is none that the site declares; `client` is `address:port`, `address` in the
 * text of `formatIp`.
 */
export function clientOf(
  { remoteAddress = '', remotePort = 0 }: Peer,
  plan: Pick<HttpPlan, 'nodeByAddress'>,
): { node: string | undefined; client: string; address: string } {
  // A socket that listens on both families shows IPv4 peers as ::ffff:192.0.2.1 (RFC 4291 §2.5.5.2).
  const address = remoteAddress.replace(/^::ffff:(?=[\d.]+$)/i, '')
  const host = address.includes(':') ? `[${address}]` : address
  return { node: plan.nodeByAddress.get(address), client: `${host}:${remotePort}`, address }
}
