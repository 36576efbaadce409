/** Translates an observation into the events of the state machine. Pure. */
import type { InstallNode } from '../plan/install.ts'
import type { Event } from './machine.ts'
import type { Seen } from './observation.ts'

/** Returns whether an observation may be about the machine: a refused client with another address is not. */
export function isOfNode(seen: Seen, { addresses }: Pick<InstallNode, 'addresses'>): boolean {
  if (seen.kind !== 'ignition' || seen.outcome !== 'refused') return true
  return addresses.includes(addressOf(seen.client))
}

export function eventsOf(seen: Seen, { lastFile }: Pick<InstallNode, 'lastFile'>): readonly Event[] {
  switch (seen.kind) {
    case 'dhcp':
      if (seen.answer === 'refused' || seen.isUnprivileged === true) return []
      if (seen.asker === 'ipxe') return [{ kind: 'exchange' }]
      return seen.asker === 'system' && seen.answer === 'acknowledged' ? [{ kind: 'system' }] : []
    case 'cluster': {
      const { word, since } = seen
      return [{ kind: 'cluster', word, ...(since !== undefined && { since }) }]
    }
    case 'ignition':
      return seen.outcome === 'sent' && seen.role !== 'live' ? [{ kind: 'read' }] : []
    case 'file':
      // An agent has its Ignition file in the initramfs: it can write the disk once it has the rootfs.
      return seen.outcome === 'begun' && seen.what === lastFile ? [{ kind: 'request', isLast: true }] : []
    case 'loader':
    case 'script':
    case 'callback':
    case 'command':
    case 'state':
      return []
  }
}

/** `192.0.2.11:40000`, `[2001:db8::11]:40000` */
function addressOf(client: string): string {
  return client.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}
