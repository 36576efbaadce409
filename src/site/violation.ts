/** Problems before they have a position in the file: what the schema and the rules report, by path. */
import type { SiteCode } from './codes.ts'
import type { Section } from './partial.ts'
import type { Path } from './problem.ts'
import type { Site } from './schema.ts'

export type Violation = Breach & { readonly code: SiteCode }

/** What a rule reports; the code is the rule's. */
export type Breach = {
  /** The value that is wrong. If the file has no such value, the position is that of the closest one around it. */
  readonly path: Path
  /** Points at the key instead of its value. */
  readonly at?: 'key'
  /** The value that contradicts this one; the message ends with its line. */
  readonly other?: Path
} & (
  | { readonly message: string }
  /** Completes the message `got …, expected …`; the value is quoted from the file unless `got` replaces it. */
  | { readonly expected: string; readonly got?: string }
)

/** One constraint on a whole site that its schema cannot express. */
export type Rule = {
  readonly code: SiteCode
  /**
   * Sections that the rule needs whole: it is skipped while the schema rejects a part of one of them. Lists that the
   * rule checks entry by entry need not be named; rejected entries are then left out.
   */
  readonly needs: readonly Section[]
  readonly check: (site: Site) => readonly Breach[]
}
