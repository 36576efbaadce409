/** Two servers' answers to the same questions, compared field by field against a list of the differences that are meant. */
import { Unexpected } from '../expect.ts'

/** An answer taken apart; what an answer lacks is not in it. */
export type Fields = Readonly<Record<string, string>>

/** A field that differs in the answers to some questions, on purpose. */
export type Intended = {
  readonly field: RegExp
  readonly question: RegExp
  readonly reason: string
}

export type Comparison = { readonly question: string; readonly ours: Fields; readonly theirs: Fields }

type Difference = {
  readonly question: string
  readonly field: string
  readonly ours: string
  readonly theirs: string
}

const most = 25

/**
 * @returns how many answers and differences there were, for whoever reads the run
 * @throws {Unexpected} for a difference that no row means, and for a row that means none
 */
export function settle(comparisons: readonly Comparison[], intended: readonly Intended[]): string {
  const differences = comparisons.flatMap(differencesOf)
  const means = ({ question, field }: Difference, row: Intended): boolean =>
    row.field.test(field) && row.question.test(question)
  const unlisted = differences.filter((each) => !intended.some((row) => means(each, row)))
  if (unlisted.length > 0) {
    const lines = unlisted
      .slice(0, most)
      .map(({ question, field, ours, theirs }) => `${question}: ${field} is ${ours}, the peer says ${theirs}`)
    throw new Unexpected(`${unlisted.length} differences that are not listed:\n${lines.join('\n')}`)
  }
  const absent = intended.filter((row) => !differences.some((each) => means(each, row)))
  if (absent.length > 0) {
    throw new Unexpected(`listed, but there is no such difference:\n${absent.map(show).join('\n')}`)
  }
  return `${comparisons.length} answers, ${differences.length} differences for ${intended.length} reasons`
}

function differencesOf({ question, ours, theirs }: Comparison): Difference[] {
  const fields = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])]
  return fields
    .map((field) => ({ question, field, ours: ours[field] ?? 'absent', theirs: theirs[field] ?? 'absent' }))
    .filter((each) => each.ours !== each.theirs)
}

function show({ field, question, reason }: Intended): string {
  return `${String(field)} of ${String(question)} (${reason})`
}
