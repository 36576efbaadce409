/**
 * ProxyDHCP (PXE specification 2.1 §2.2.3): what machines are told whose addresses another DHCP server leases. Boot
 * files only, to declared machines that boot from the network: no address, no lease, no NAK.
 */
import { formatIpv4, type Ipv4 } from '../../proto/address/ipv4.ts'
import { MessageType } from '../../proto/dhcp/option-table.ts'
import { chooseBoot } from '../../plan/dhcp/boot-table.ts'
import type { BootFile, DhcpPlan, Proxied } from '../../plan/dhcp/plan.ts'
import { wrongNetwork, type Arrival } from './decide.ts'
import { isOnNetwork } from './relay.ts'
import { putMachineIdentifier, writeMessage } from './reply.ts'
import type { DhcpRequest } from './request.ts'

export type ProxyDecision =
  /** To a DISCOVER, beside the other server's offer; or to a REQUEST at the ProxyDHCP port. */
  | { readonly kind: 'boot-offer' | 'boot-ack'; readonly file: BootFile }
  /** Between the machine and the server that leases its address. */
  | { readonly kind: 'lease'; readonly reason: string }
  | { readonly kind: 'silence'; readonly reason: string }

export function decideProxied(
  request: DhcpRequest,
  proxied: Proxied,
  plan: DhcpPlan,
  arrival: Arrival,
): ProxyDecision {
  const { type, client, message, relay, serverIdentifier = plan.server } = request
  const isAtProxyPort = arrival === 'proxy-port'
  if (type !== (isAtProxyPort ? MessageType.request : MessageType.discover)) {
    return { kind: 'lease', reason: 'another DHCP server leases its address' }
  }
  if (serverIdentifier !== plan.server) {
    return { kind: 'silence', reason: `it asks the boot server ${formatIpv4(serverIdentifier)}` }
  }
  // At the ProxyDHCP port it has its address, and asks without a relay agent.
  if (!isAtProxyPort && !isOnNetwork(message.giaddr, relay, proxied.network)) {
    return { kind: 'silence', reason: wrongNetwork(request, proxied) }
  }
  const { file, reason } = chooseBoot(proxied.boot, client)
  if (file !== undefined) return { kind: isAtProxyPort ? 'boot-ack' : 'boot-offer', file }
  if (reason !== undefined) return { kind: 'silence', reason }
  return { kind: 'lease', reason: 'it boots nothing, and another DHCP server leases its address' }
}

const noAddress = 0 as Ipv4
const messageTypes = {
  'boot-offer': Uint8Array.of(MessageType.offer),
  'boot-ack': Uint8Array.of(MessageType.ack),
}

/**
 * Writes a reply without an address into `out`, which holds `mostReplyOctets`. The server identifier is never that of
 * a relay agent (RFC 5107): it says whom to ask at the ProxyDHCP port.
 *
 * @returns how many octets it has
 */
export function writeProxyReply(
  { kind, file }: Extract<ProxyDecision, { kind: 'boot-offer' | 'boot-ack' }>,
  request: DhcpRequest,
  plan: DhcpPlan,
  out: Uint8Array,
): number {
  const fields = {
    type: messageTypes[kind],
    server: plan.server,
    flags: request.message.flags,
    ciaddr: kind === 'boot-ack' ? request.message.ciaddr : noAddress,
    yiaddr: noAddress,
    siaddr: plan.server,
    file: file.file,
    leaseTime: undefined,
  }
  return writeMessage(fields, request, out, (options) => {
    for (const option of file.options) options.putPrepared(option)
    putMachineIdentifier(options, request)
  })
}
