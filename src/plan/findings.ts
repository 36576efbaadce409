/** Findings: what an administrator should know about a compiled plan. `check` prints them and fails on errors. */
import type { PlanCode } from './codes.ts'

export type Finding<Code extends string = string> = {
  readonly code: Code
  /** An error means that something declared cannot work; a warning, that something is perhaps not intended. */
  readonly severity: 'error' | 'warning'
  /** The subject: `ocp45/m1`, `image rhcos-4.17`, `loader efi/ipxe.efi`. */
  readonly about: string
  /** One sentence in lower case without a full stop, with what to do. */
  readonly message: string
}

export type PlanFinding = Finding<PlanCode>

/** Returns errors first, then warnings. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  return [
    ...findings.filter(({ severity }) => severity === 'error'),
    ...findings.filter(({ severity }) => severity === 'warning'),
  ]
}
