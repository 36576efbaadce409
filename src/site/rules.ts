/** All rules for a whole site, in the order in which an administrator would fix what they find. */
import type { PartialSite } from './partial.ts'
import { bootRules, nodeFileRules } from './rules/boot.ts'
import { balancerRules, clusterRules } from './rules/clusters.ts'
import { machineRules } from './rules/machines.ts'
import { nameRules } from './rules/names.ts'
import { networkRules, transferPortRules } from './rules/networks.ts'
import { recordRules } from './rules/records.ts'
import type { Rule, Violation } from './violation.ts'

const rules: readonly Rule[] = [
  ...networkRules,
  ...transferPortRules,
  ...nameRules,
  ...recordRules,
  ...machineRules,
  ...clusterRules,
  ...balancerRules,
  ...bootRules,
  ...nodeFileRules,
]

/** Runs every rule that can check what is left of the site; paths are those of the file. */
export function ruleViolations({ site, broken, original }: PartialSite): Violation[] {
  return rules
    .filter((rule) => !rule.needs.some((section) => broken.has(section)))
    .flatMap(({ code, check }) =>
      check(site).map((breach) => ({
        ...breach,
        code,
        path: original(breach.path),
        ...(breach.other && { other: original(breach.other) }),
      })),
    )
}
