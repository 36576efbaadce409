/** Turns the result of a DHCP message into an observation of the node that sent it. Pure. */
import { formatIpv4 } from '../../proto/address/ip.ts'
import type { Datagram } from '../../host/udp.ts'
import type { DhcpPlan } from '../../plan/dhcp/plan.ts'
import { askerOf, type Seen } from '../../install/observation.ts'
import type { DhcpResult, OtherServerUse, Replied } from './respond.ts'

/**
 * Returns what a request shows about a node: which client sent it, and whether a boot starts. Returns
 * `undefined` for hosts, for `slipway simulate`, and for clients that already have their address and request parameters.
 */
export function observationOf(
  result: DhcpResult,
  { port }: Datagram,
  { serverPort, clientPort }: DhcpPlan,
): Seen | undefined {
  if (!isFromNode(result)) return undefined
  const { kind, about, client, vendorClass, uuid, isSimulated } = result
  const { node, state, architecture, reason, ignored } = about
  if (node === undefined || kind === 'informed' || isSimulated) return undefined
  return {
    node,
    kind: 'dhcp',
    asker: askerOf(client),
    message: kind !== 'other-server' && answers[kind] === 'offered' ? 'discover' : 'request',
    isFresh: state !== 'renewing' && state !== 'rebinding',
    ...(architecture !== undefined && { architecture }),
    vendorClass,
    ...(uuid !== undefined && { uuid }),
    ...(ignored !== undefined && { ignored }),
    // Clients and relay agents send from privileged ports; a process without privileges cannot.
    ...(port !== clientPort && port !== serverPort && { isUnprivileged: true as const }),
    ...(kind === 'other-server'
      ? { answer: 'offered', server: formatIpv4(result.server) }
      : { answer: kind !== 'refused' && reason !== undefined ? 'nothing-to-boot' : answers[kind] }),
  }
}

function isFromNode(result: DhcpResult): result is Replied | OtherServerUse {
  return result.kind === 'other-server' ? result.isAccepted : 'octets' in result
}

/** Which server leases the address does not matter for the boot of the node. */
const answers = {
  offered: 'offered',
  acknowledged: 'acknowledged',
  refused: 'refused',
  'boot-offered': 'offered',
  'boot-acknowledged': 'acknowledged',
} as const
