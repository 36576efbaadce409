/** The shape of a rule: one question about a whole site that its schema cannot ask. */
import type { Flaw } from '../flaw.ts'
import type { Section } from '../salvage.ts'
import type { Site } from '../schema.ts'

export type Rule = {
  /**
   * Sections without which it cannot judge: it is not asked while the schema refuses a part of one of
   * them. Lists that it can judge entry by entry need not be named; they may come without the refused ones.
   */
  readonly needs: readonly Section[]
  readonly check: (site: Site) => readonly Flaw[]
}
