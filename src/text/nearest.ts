/** "Did you mean": the known word that is closest to a mistyped one. Pure. */

/** Returns the end of an error message: ` (did you mean w1?)`, or nothing when no known word is close. */
export function didYouMean(word: string, known: readonly string[]): string {
  const suggestion = nearest(word, known)
  return suggestion === undefined ? '' : ` (did you mean ${suggestion}?)`
}

/** Returns undefined when no known word is close enough. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase()
  const ranked = known
    .map((candidate) => ({ candidate, distance: distanceOf(lower, candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  // Accepts a third of the letters as wrong: enough for `adress`, too little to turn `rome` into `role`.
  if (best !== undefined && best.distance <= Math.max(1, Math.floor(lower.length / 3))) return best.candidate
  return known.find((each) => sharedStart(lower, each.toLowerCase()) >= Math.max(3, lower.length * 0.75))
}

/** Counts the letters that two words start with in common: nine for `kernelargs` and `kernelarguments`. */
function sharedStart(one: string, other: string): number {
  let length = 0
  while (length < one.length && one[length] === other[length]) length++
  return length
}

/** Counts insertions, deletions, replacements, and swaps of adjacent letters (optimal string alignment distance). */
function distanceOf(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number) => rows[row]?.[column] as number
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    rows.push(current)
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      let least = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (same ? 0 : 1),
      )
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        least = Math.min(least, at(row - 2, column - 2) + 1)
      }
      current.push(least)
    }
  }
  return at(from.length, to.length)
}
