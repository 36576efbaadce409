/** All rules for a site as a whole, in the order in which a person would fix what they find. */
import type { Flaw } from './flaw.ts'
import { addedFileRules } from './rules/added-files.ts'
import { balancerRules } from './rules/balancer.ts'
import { bootRules } from './rules/boot.ts'
import { clusterRules } from './rules/clusters.ts'
import { machineRules } from './rules/machines.ts'
import { nameRules } from './rules/names.ts'
import { networkRules } from './rules/networks.ts'
import { recordRules } from './rules/records.ts'
import type { Rule } from './rules/rule.ts'
import { transferPortRules } from './rules/transfer-ports.ts'
import type { Salvage } from './salvage.ts'

const rules: readonly Rule[] = [
  ...networkRules,
  ...transferPortRules,
  ...nameRules,
  ...recordRules,
  ...machineRules,
  ...clusterRules,
  ...balancerRules,
  ...bootRules,
  ...addedFileRules,
]

/** What every rule finds that can judge what is left of the site, with paths of the file. */
export function ruleFlaws({ site, broken, original }: Salvage): Flaw[] {
  return rules
    .filter((rule) => !rule.needs.some((section) => broken.has(section)))
    .flatMap((rule) => rule.check(site))
    .map((flaw) => ({
      ...flaw,
      path: original(flaw.path),
      ...(flaw.other === undefined ? {} : { other: original(flaw.other) }),
    }))
}
