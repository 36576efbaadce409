/** Median and percentile. */

/** @throws {RangeError} for no values */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return (nth(sorted, Math.ceil(middle) - 1) + nth(sorted, Math.floor(middle))) / 2
}

/**
 * Returns the smallest value that `percent` of all values do not exceed (nearest rank).
 *
 * @throws {RangeError} for no values
 */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return nth(sorted, Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1))
}

function nth(sorted: readonly number[], index: number): number {
  const value = sorted[index]
  if (value === undefined) throw new RangeError('expected at least one value')
  return value
}
