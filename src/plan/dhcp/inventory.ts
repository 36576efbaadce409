/**
 * Compiles the leases of undeclared machines that boot the inventory system (docs/decisions/0059): a small range of
 * addresses, short leases, and the boot files of x86_64.
 */
import { machines } from '../../site/declared.ts'
import type { Site, Subnet } from '../../site/schema.ts'
import { subnetOf, type Model } from '../model.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'
import { bootTable, type BootFiles } from './boot-table.ts'
import { leaseTime, machineOptions, type BootFile, type InventoryLeases } from './plan.ts'

/** Returns the section `inventory`, unless another server with this site boots undeclared machines. */
export function inventoryHere({ inventory, server }: Site): Site['inventory'] {
  const isHere = server.peers.length === 0 || server.installer === server.address
  return isHere ? inventory : undefined
}

/**
 * @param filesIn returns how boot files are described in replies on a subnet
 * @returns nothing without an inventory boot on this server
 */
export function compileInventoryLeases(
  { site, endpoint }: Model,
  filesIn: (subnet: Subnet) => BootFiles,
): InventoryLeases | undefined {
  const inventory = inventoryHere(site)
  if (inventory === undefined) return undefined
  const { addresses, leaseSeconds } = inventory
  // The rules require a subnet around the range.
  const subnet = { ...(subnetOf(site, addresses.from) as Subnet), leaseSeconds }
  const { domain = '', cidr, mtu, dns = [endpoint.address] } = subnet
  const files = filesIn(subnet)
  const loaders = bootTable.flatMap(({ architecture, protocol, loader }): [number, BootFile][] => {
    const name = loader?.({ loader: undefined, image: '' })
    // The kernel of the inventory system is for x86_64.
    const isSuitable = name !== undefined && !name.startsWith('arm64/')
    return isSuitable ? [[architecture, files[protocol](name)]] : []
  })
  return {
    ...addresses,
    network: cidr,
    leaseMs: leaseSeconds * 1000,
    settings: {
      network: cidr,
      mtu,
      leaseTime: leaseTime(subnet),
      options: machineOptions(subnet, dns, { hostName: '', domain }),
      unrequested: [],
      boot: {
        script: files.script(absoluteUrl(endpoint, urlPaths.inventoryScript)),
        loaderByArchitecture: new Map(loaders),
      },
    },
    declared: new Set(machines(site).flatMap(({ macs }) => macs)),
  }
}
