/** Stable codes: every refusal, warning, symptom, and finding has one. Codes never change and carry no data; texts may change. */

export type CodeEntry = {
  /** What it means: one sentence without a full stop. */
  readonly meaning: string
  /** What the administrator does next: one imperative sentence without a full stop. */
  readonly remedy: string
}

/** Declares the codes of one layer and keeps their literal names for the compiler. */
export function defineCodes<const Codes extends Readonly<Record<string, CodeEntry>>>(codes: Codes): Codes {
  return codes
}

/** A condition that lasts: `slipway status`, `/health`, and the metrics show it until it ends. */
export type ActiveProblem = {
  readonly code: string
  /** One sentence with names and values, lower case, without a full stop. */
  readonly text: string
}

/** What an administrator should know about a compiled plan. `check` prints findings and fails on errors. */
export type Finding<Code extends string = string> = {
  readonly code: Code
  /** An error means that something declared cannot work; a warning, that something is perhaps not intended. */
  readonly severity: 'error' | 'warning'
  /** The subject: `ocp45/m1`, `image rhcos-4.17`, `loader efi/ipxe.efi`. */
  readonly about: string
  /** One sentence in lower case without a full stop, with what to do. */
  readonly message: string
}

/** Returns errors first, then warnings. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  return [
    ...findings.filter(({ severity }) => severity === 'error'),
    ...findings.filter(({ severity }) => severity === 'warning'),
  ]
}
