/** Compares the answers of two servers to the same questions, field by field, with a list of intended differences. */
import { Unexpected } from '../expect.ts'

/** The fields of an answer; a field that the answer does not have is absent. */
export type Fields = Readonly<Record<string, string>>

/** A field that is intended to differ in the answers to some questions. */
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

const maxShown = 25

/**
 * @returns the numbers of answers and differences, for the output of the run
 * @throws {Unexpected} for a difference that is not listed, and for a listed difference that does not occur
 */
export function compareAnswers(comparisons: readonly Comparison[], intended: readonly Intended[]): string {
  const differences = comparisons.flatMap(differencesOf)
  const isListed = ({ question, field }: Difference, row: Intended): boolean =>
    row.field.test(field) && row.question.test(question)
  const unlisted = differences.filter((each) => !intended.some((row) => isListed(each, row)))
  if (unlisted.length > 0) {
    const lines = unlisted
      .slice(0, maxShown)
      .map(({ question, field, ours, theirs }) => `${question}: ${field} is ${ours}, the peer has ${theirs}`)
    throw new Unexpected(`${unlisted.length} differences that are not listed:\n${lines.join('\n')}`)
  }
  const absent = intended.filter((row) => !differences.some((each) => isListed(each, row)))
  if (absent.length > 0) {
    throw new Unexpected(`listed differences that do not occur:\n${absent.map(show).join('\n')}`)
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
