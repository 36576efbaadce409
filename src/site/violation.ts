/** A problem before it has a place in the file: what the schema and the rules report, by path. */
import type { Path } from './problem.ts'
import type { Section } from './partial.ts'
import type { Site } from './schema.ts'

export type Violation = {
  /** What is wrong. Where nothing is written there, the place is that of the nearest thing around it. */
  readonly path: Path
  /** The key's place instead of its value's. */
  readonly at?: 'key'
  /** Where the other half of a contradiction stands; its line is added to the message. */
  readonly other?: Path
} & (
  | { readonly message: string }
  /** Ends the sentence `got …, expected …`; the value is put in as the file has it, unless it is `got`. */
  | { readonly expected: string; readonly got?: string }
)

/** The shape of a rule: one question about a whole site that its schema cannot ask. */

export type Rule = {
  /**
   * Sections without which it cannot judge: it is not asked while the schema refuses a part of one of
   * them. Lists that it can judge entry by entry need not be named; they may come without the refused ones.
   */
  readonly needs: readonly Section[]
  readonly check: (site: Site) => readonly Violation[]
}
