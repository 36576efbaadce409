/** A site with an inventory boot for undeclared machines, and what such machines send. */
import { compileDhcp } from '../../src/plan/dhcp/compile.ts'
import type { Model } from '../../src/plan/model.ts'
import type { Facts } from '../../src/plan/facts.ts'
import { clientPacket, octetsOf } from './dhcp-message.ts'
import { exampleModel, exampleSite } from './model.ts'

export const guest = '52:54:00:00:00:09'

/** The addresses 192.0.2.240 and 192.0.2.241, in the site of {@link exampleSite}. */
export function inventorySite() {
  return {
    ...exampleSite(),
    inventory: {
      addresses: { from: '192.0.2.240', to: '192.0.2.241' },
      kernel: '/srv/inventory/vmlinuz',
      initrd: '/srv/inventory/initrd.img',
      kernelArguments: ['console=ttyS0'],
    },
  }
}

export function inventoryModel(
  edit: (site: ReturnType<typeof inventorySite>) => unknown = () => {},
  facts: Partial<Facts> = {},
): Model {
  const site = inventorySite()
  edit(site)
  return exampleModel(site, facts)
}

export const inventoryPlan = compileDhcp(inventoryModel()).plan

type Fields = Parameters<typeof clientPacket>[0]
type Options = NonNullable<Fields['options']>

const pxe: Options = [
  [60, 'PXEClient:Arch:00007:UNDI:003016'],
  [93, [0, 7]],
]
const ipxe: Options = [
  [77, 'iPXE'],
  [93, [0, 7]],
  [60, 'PXEClient:Arch:00007:UNDI:003010'],
]

/** Returns messages of an undeclared machine: of its firmware, of iPXE, and of the inventory system (udhcpc). */
export const from = (mac = guest) => ({
  firmware: (fields: Fields = {}) => clientPacket({ mac, type: 'discover', options: pxe, ...fields }),
  ipxe: (fields: Fields = {}) => clientPacket({ mac, type: 'discover', options: ipxe, ...fields }),
  udhcpc: (fields: Fields = {}) =>
    clientPacket({ mac, type: 'discover', options: [[60, 'udhcp 1.35.0']], ...fields }),
  select: (address: string, server = '192.0.2.2') =>
    clientPacket({
      mac,
      type: 'request',
      options: [
        [50, octetsOf(address)],
        [54, octetsOf(server)],
      ],
    }),
})
