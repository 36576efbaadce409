/** What compiling noticed that an operator should know: `check` prints these and fails on errors. */

export type Finding = {
  /** An error means that something declared cannot work; a warning, that something may not be meant. */
  readonly severity: 'error' | 'warning'
  /** What it is about: `ocp45/m1`, `image rhcos-4.17`, `loader efi/ipxe.efi`. */
  readonly about: string
  /** One sentence, lower case, no full stop, with what to do. */
  readonly message: string
}

/** Errors first, then warnings. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  return [
    ...findings.filter(({ severity }) => severity === 'error'),
    ...findings.filter(({ severity }) => severity === 'warning'),
  ]
}
