/** All rules for a site as a whole, in the order in which a person would fix what they find. */
import type { Violation, Rule } from './violation.ts'
import { addedFileRules, bootRules } from './rules/boot.ts'
import { balancerRules, clusterRules } from './rules/clusters.ts'
import { machineRules } from './rules/machines.ts'
import { nameRules } from './rules/names.ts'
import { networkRules, transferPortRules } from './rules/networks.ts'
import { recordRules } from './rules/records.ts'
import type { PartialSite } from './partial.ts'

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
export function ruleFlaws({ site, broken, original }: PartialSite): Violation[] {
  return rules
    .filter((rule) => !rule.needs.some((section) => broken.has(section)))
    .flatMap((rule) => rule.check(site))
    .map((flaw) => ({
      ...flaw,
      path: original(flaw.path),
      ...(flaw.other === undefined ? {} : { other: original(flaw.other) }),
    }))
}
