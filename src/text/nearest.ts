/** "Did you mean": the known word that a mistyped one is closest to. */

/** @returns undefined when nothing known is close enough to be meant */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase()
  const ranked = known
    .map((candidate) => ({ candidate, distance: distanceOf(lower, candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  // A third of the letters may be wrong: enough for `adress`, too little to turn `rome` into `role`'s neighbours.
  if (best !== undefined && best.distance <= Math.max(1, Math.floor(lower.length / 3))) return best.candidate
  return known.find((each) => sharedStart(lower, each.toLowerCase()) >= Math.max(3, lower.length * 0.75))
}

/** How many letters two words begin with alike: `kernelargs` and `kernelarguments` nine. */
function sharedStart(one: string, other: string): number {
  let length = 0
  while (length < one.length && one[length] === other[length]) length++
  return length
}

/** Insertions, deletions, replacements and exchanges of neighbours (optimal string alignment distance). */
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
