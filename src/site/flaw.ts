/** A problem before it has a place in the file: what the schema and the rules report, by path. */
import type { Path } from './problem.ts'

export type Flaw = {
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
