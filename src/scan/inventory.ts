/** Scans the kernel and the initramfs of the inventory system. Never throws. */
import type { InventoryFacts } from '../plan/facts.ts'
import type { Site } from '../site/schema.ts'
import { scanFile } from './file.ts'

/** @returns nothing without the section `inventory` */
export async function scanInventory({ inventory }: Site): Promise<InventoryFacts | undefined> {
  if (inventory === undefined) return undefined
  const scan = (path: string) => scanFile(path, 'http.inventory-file-missing')
  const [kernel, initrd] = await Promise.all([scan(inventory.kernel), scan(inventory.initrd)])
  return { kernel, initrd }
}
