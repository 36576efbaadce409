/** What the site file declares for a machine that it does not name: the answer of its DHCP service, without a packet. */
import { discover } from '../explain/explanation.ts'
import { systemClock } from '../host/clock.ts'
import { createInventoryBindings } from '../inventory/bindings.ts'
import type { Plan } from '../plan/compile.ts'
import type { Model } from '../plan/model.ts'
import { inventoryHere } from '../plan/dhcp/inventory.ts'
import type { Ipv4 } from '../proto/address/ip.ts'
import type { Mac } from '../proto/address/mac.ts'
import { maxReplyOctets } from '../serve/dhcp/reply.ts'
import { respond, type DhcpResult } from '../serve/dhcp/respond.ts'
import { similarNodes, similarText } from '../serve/dhcp/similar-mac.ts'
import { firmwareProfile, type Firmware } from '../simulate/dhcp-profiles.ts'
import type { UndeclaredAnswer } from '../simulate/undeclared.ts'
import { machines } from '../site/declared.ts'
import type { Site } from '../site/schema.ts'

type Asked = { readonly mac: Mac; readonly firmware: Firmware; readonly relay?: Ipv4 | undefined }

export function declaredAnswer(
  site: Site,
  { dhcp }: Plan,
  { mac, firmware, relay }: Asked,
): UndeclaredAnswer {
  const result = respond(
    {
      payload: discover(mac, firmwareProfile(firmware), relay),
      address: '0.0.0.0',
      port: relay === undefined ? dhcp.clientPort : dhcp.serverPort,
    },
    relay === undefined ? 'broadcast' : 'unicast',
    dhcp,
    new Uint8Array(maxReplyOctets),
    () => true,
    createInventoryBindings(systemClock),
  )
  if (result.kind === 'offered') return { kind: 'inventory' }
  const { code, reason } = refusalOf(result)
  const similar = similarNodes({ mac, firstSeen: 0 }, dhcp, () => undefined)
  const hints = [
    ...(similar.length === 0 ? [] : [`The address is ${similarText(similar)}.`]),
    ...(code === 'dhcp.no-reservation' ? [inventoryHint(site, firmware)] : []),
  ]
  return { kind: 'none', code, reason, hints }
}

function refusalOf(result: DhcpResult): { readonly code: string; readonly reason: string } {
  const { code, reason } = 'about' in result ? result.about : result
  // Every result without a reply has both.
  return { code: code as string, reason: reason as string }
}

function inventoryHint(site: Site, firmware: Firmware): string {
  if (site.inventory === undefined) {
    return 'With the section inventory in the site file, slipway boots it into a system that reports its hardware.'
  }
  if (inventoryHere(site) === undefined) {
    return 'Only the server in server.installer boots undeclared machines; ask that one.'
  }
  return `The inventory system does not support the firmware ${firmware}: it is for x86_64.`
}

/** Returns the declared machine with this MAC address, as an error message describes it. */
export function declaredAs({ site, nodes }: Model, mac: Mac): string | undefined {
  const node = nodes.find((each) => each.mac === mac || each.otherMacs?.includes(mac))
  if (node !== undefined) return `the site declares it as node ${node.key}; use --node ${node.key}`
  const machine = machines(site).find(({ macs }) => macs.includes(mac))
  return machine && `the site declares it as ${machine.name}, which boots nothing from slipway`
}
