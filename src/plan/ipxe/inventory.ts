/** The script that boots an undeclared machine into the inventory system, and continues with its next boot option after a failure. */
import { httpBase, type Endpoint } from '../model.ts'
import { urlPaths } from '../urls.ts'
import { argument, script } from './script.ts'

/** Long enough to read the screen. */
const restSeconds = 15

/** @param kernelArguments of the site */
export function renderInventory(endpoint: Endpoint, kernelArguments: readonly string[]): string {
  const base = httpBase(endpoint)
  const words = [
    'initrd=inventory',
    `slipway.inventory=${base}${urlPaths.inventoryReport}`,
    // The inventory system must use the interface that has the address.
    'BOOTIF=01-${netX/mac:hexhyp}',
    ...kernelArguments.map(argument),
  ]
  return script('inventory boot of an undeclared machine', [
    'echo',
    'echo slipway: undeclared machine ${netX/mac}, boots a system that reports its hardware',
    'echo slipway: nothing is written to a disk',
    `kernel ${base}${urlPaths.inventoryKernel} ${words.join(' ')} || goto failed`,
    `initrd --name inventory ${base}${urlPaths.inventoryInitrd} || goto failed`,
    'boot || goto failed',
    '',
    ':failed',
    'echo slipway: the inventory boot failed, see the error above',
    `prompt --key 0x02 --timeout ${restSeconds * 1000} Ctrl-B for the iPXE shell, or wait ${restSeconds} s && shell ||`,
    'exit 1',
  ])
}
