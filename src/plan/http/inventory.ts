/** Compiles what HTTP serves to undeclared machines that boot the inventory system. */
import { defined } from '../../text/defined.ts'
import type { PlanFinding } from '../codes.ts'
import { inventoryHere } from '../dhcp/inventory.ts'
import type { FileFact } from '../facts.ts'
import { renderInventory } from '../ipxe/inventory.ts'
import type { Model } from '../model.ts'
import type { InventoryBoot, WholeFile } from './plan.ts'

type Compiled = { readonly plan: InventoryBoot | undefined; readonly findings: readonly PlanFinding[] }

/** The plan is absent without an inventory boot on this server. */
export function compileInventory({ site, facts, endpoint }: Model): Compiled {
  const inventory = inventoryHere(site)
  if (inventory === undefined) return { plan: undefined, findings: [] }
  const file = (path: string, fact: FileFact | undefined): WholeFile => ({
    file: path,
    ...defined({ problem: fact?.kind === 'missing' ? fact.problem : undefined }),
  })
  const plan = {
    script: renderInventory(endpoint, inventory.kernelArguments),
    kernel: file(inventory.kernel, facts.inventory?.kernel),
    initrd: file(inventory.initrd, facts.inventory?.initrd),
  }
  const findings = [plan.kernel, plan.initrd].flatMap(({ problem }): PlanFinding[] =>
    problem === undefined
      ? []
      : [
          {
            code: 'http.inventory-file-missing',
            severity: 'error',
            about: 'inventory',
            message: `undeclared machines cannot boot: ${problem}`,
          },
        ],
  )
  return { plan, findings }
}
