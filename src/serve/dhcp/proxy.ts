/**
 * ProxyDHCP (PXE specification 2.1 §2.2.3), for machines whose addresses another DHCP server leases. Sends only boot
 * files, and only to declared machines that boot from the network: no address, no lease, no NAK.
 */
import { formatIpv4, type Ipv4 } from '../../proto/address/ip.ts'
import { MessageType } from '../../proto/dhcp/option-table.ts'
import { chooseBoot } from '../../plan/dhcp/boot-table.ts'
import type { BootFile, DhcpPlan, Proxied } from '../../plan/dhcp/plan.ts'
import { wrongNetwork, type Arrival, type Refusal } from './decide.ts'
import { isOnNetwork, type DhcpRequest, type IsAttached } from './request.ts'
import { putMachineIdentifier, writeMessage } from './reply.ts'

export type ProxyDecision =
  /** The reply to a DISCOVER, beside the other server's offer, or to a REQUEST at the ProxyDHCP port. */
  | { readonly kind: 'boot-offer' | 'boot-ack'; readonly file: BootFile }
  /** No reply: a message for the server that leases the address. */
  | ({ readonly kind: 'other-lease' } & Refusal)
  /** No reply. */
  | ({ readonly kind: 'ignore' } & Refusal)

export function decideProxied(
  request: DhcpRequest,
  proxied: Proxied,
  plan: DhcpPlan,
  arrival: Arrival,
  isAttached: IsAttached,
): ProxyDecision {
  const { type, client, serverIdentifier = plan.server } = request
  const isAtProxyPort = arrival === 'proxy-port'
  if (type !== (isAtProxyPort ? MessageType.request : MessageType.discover)) {
    const reason = 'another DHCP server leases the address'
    return { kind: 'other-lease', code: 'dhcp.leased-by-other-server', reason }
  }
  if (serverIdentifier !== plan.server) {
    const reason = `request for the boot server ${formatIpv4(serverIdentifier)}`
    return { kind: 'ignore', code: 'dhcp.other-boot-server', reason }
  }
  // At the ProxyDHCP port the client has its address and does not use a relay agent.
  if (!isAtProxyPort && !isOnNetwork(request, proxied.network, plan, isAttached)) {
    return { kind: 'ignore', code: 'dhcp.wrong-network', reason: wrongNetwork(request, proxied, plan) }
  }
  const { file, reason } = chooseBoot(proxied.boot, client)
  if (file !== undefined) return { kind: isAtProxyPort ? 'boot-ack' : 'boot-offer', file }
  if (reason !== undefined) return { kind: 'ignore', code: 'dhcp.no-boot-file', reason }
  return {
    kind: 'other-lease',
    code: 'dhcp.leased-by-other-server',
    reason: 'not a network boot, and another DHCP server leases the address',
  }
}

const noAddress = 0 as Ipv4
const messageTypes = {
  'boot-offer': Uint8Array.of(MessageType.offer),
  'boot-ack': Uint8Array.of(MessageType.ack),
}

/**
 * Writes a reply without an address into `out`, which has `maxReplyOctets`. The server identifier is never that of
 * a relay agent (RFC 5107): the client sends its request to the ProxyDHCP port of this server.
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
    mtu: undefined,
    passesRelay: true,
  }
  return writeMessage(fields, request, out, (options) => {
    for (const option of file.options) options.putPrepared(option)
    putMachineIdentifier(options, request)
  })
}
