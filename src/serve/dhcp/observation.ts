/** What a reply tells of the node that asked: who spoke, and whether anything began to run. */
import type { Asker, Seen } from '../../install/observation.ts'
import type { BootClient } from '../../plan/dhcp/boot-table.ts'
import type { Replied } from './respond.ts'

/** Undefined where there is nothing to tell: of a host, and of who has its address already and wants parameters. */
export function observed({ kind, about, client, vendorClass }: Replied): Seen | undefined {
  const { node, state, architecture, reason } = about
  if (node === undefined || kind === 'informed') return undefined
  return {
    node,
    kind: 'dhcp',
    asker: askerOf(client),
    message: answers[kind] === 'offered' ? 'discover' : 'request',
    isFresh: state !== 'renewing' && state !== 'rebinding',
    ...(architecture !== undefined && { architecture }),
    vendorClass,
    answer: kind !== 'refused' && reason !== undefined ? 'nothing-to-boot' : answers[kind],
  }
}

/** Whether another server leases the address is no matter of the node's way. */
const answers = {
  offered: 'offered',
  acknowledged: 'acknowledged',
  refused: 'refused',
  'boot-offered': 'offered',
  'boot-acknowledged': 'acknowledged',
} as const

function askerOf({ protocol, isIpxe }: BootClient): Asker {
  if (isIpxe) return 'ipxe'
  switch (protocol) {
    case 'PXEClient':
      return 'firmware'
    case 'HTTPClient':
      return 'http-firmware'
    case undefined:
      return 'system'
  }
}
