/**
 * Decides whether an undeclared machine gets an address for the inventory boot (docs/decisions/0059). It must boot from the
 * network as a client that the inventory system supports; after that, it keeps its address for the DHCP client of that system.
 * A simulated machine is offered what a machine would be offered, but nothing is reserved for it, and it never gets a lease.
 * A NAK is never sent: the address that such a machine requests may be a lease of another DHCP server.
 */
import type { InventoryBinding, InventoryBindings } from '../../inventory/bindings.ts'
import { chooseBoot } from '../../plan/dhcp/boot-table.ts'
import type { DhcpPlan, InventoryLeases, Reservation } from '../../plan/dhcp/plan.ts'
import { formatCidr, formatIpv4 } from '../../proto/address/ip.ts'
import type { Mac } from '../../proto/address/mac.ts'
import { MessageType } from '../../proto/dhcp/option-table.ts'
import { decide, type Arrival, type Refusal } from './decide.ts'
import type { DhcpReply } from './reply.ts'
import { isOnNetwork, unknownRelay, type DhcpRequest, type IsAttached } from './request.ts'

/** A reply to an undeclared machine, or why it gets none. */
export type InventoryDecision =
  | { readonly kind: 'reply'; readonly decision: Reply; readonly reservation: Reservation }
  | ({ readonly kind: 'refuse' } & Refusal)

type Reply = Exclude<DhcpReply, { kind: 'nak' }>

/** @returns nothing if the site has no inventory boot, or the machine does not boot from the network */
export function decideInventory(
  request: DhcpRequest,
  mac: Mac,
  plan: DhcpPlan,
  bindings: InventoryBindings,
  arrival: Arrival,
  isAttached: IsAttached,
): InventoryDecision | undefined {
  const { inventory } = plan
  if (inventory === undefined || inventory.declared.has(mac)) return undefined
  const known = bindings.of(mac, inventory)
  if (known === undefined && !startsBoot(request, inventory)) return undefined
  if (arrival === 'proxy-port') return undefined
  if (request.isSimulated && request.type !== MessageType.discover) return undefined
  const relay = unknownRelay(request, plan.relays)
  if (relay !== undefined) return refuse('dhcp.unknown-relay', relay)
  if (!isOnNetwork(request, inventory.network, plan, isAttached)) {
    return refuse(
      'dhcp.wrong-network',
      `the addresses for undeclared machines are on ${formatCidr(inventory.network)}`,
    )
  }
  const offer = request.isSimulated ? 'peek' : 'offer'
  const binding = request.type === MessageType.discover ? bindings[offer](mac, inventory) : known
  if (binding === undefined) {
    const range = `${formatIpv4(inventory.from)} to ${formatIpv4(inventory.to)}`
    return refuse('dhcp.inventory-full', `all addresses for undeclared machines are in use: ${range}`)
  }
  return replyTo(request, binding, plan, inventory, bindings, arrival, isAttached)
}

/** Whether firmware or iPXE starts to boot from the network, and the inventory system supports it. */
function startsBoot({ type, client }: DhcpRequest, { settings }: InventoryLeases): boolean {
  return (
    type === MessageType.discover &&
    chooseBoot(settings.boot, client).file !== undefined &&
    // iPXE of another architecture would get the script, but cannot start the kernel.
    client.architectures.every((each) => isSupported(settings, each))
  )
}

function isSupported({ boot }: InventoryLeases['settings'], architecture: number): boolean {
  return boot !== undefined && 'loaderByArchitecture' in boot && boot.loaderByArchitecture.has(architecture)
}

function replyTo(
  request: DhcpRequest,
  binding: InventoryBinding,
  plan: DhcpPlan,
  inventory: InventoryLeases,
  bindings: InventoryBindings,
  arrival: Arrival,
  isAttached: IsAttached,
): InventoryDecision {
  const reservation = { ...inventory.settings, name: 'inventory', address: binding.address }
  const decision = decide(request, reservation, plan, arrival, isAttached)
  switch (decision.kind) {
    case 'offer':
    case 'ack':
      if (!request.isSimulated) bindings.keep(binding, inventory, decision.kind === 'ack')
      return { kind: 'reply', decision, reservation }
    case 'inform':
      return { kind: 'reply', decision, reservation }
    case 'declined': {
      bindings.decline(binding.mac, inventory)
      const reason = `another machine uses ${formatIpv4(binding.address)}, an address for undeclared machines`
      return refuse('dhcp.inventory-declined', reason)
    }
    case 'released':
      bindings.release(binding.mac)
      return refuse('dhcp.no-reservation', 'the inventory system released its address')
    case 'other-server':
      bindings.release(binding.mac)
      return refuse('dhcp.no-reservation', 'the machine uses another DHCP server')
    case 'nak':
    case 'ignore':
      return refuse(decision.code, decision.reason)
  }
}

function refuse(code: Refusal['code'], reason: string): InventoryDecision {
  return { kind: 'refuse', code, reason }
}
