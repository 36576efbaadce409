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
