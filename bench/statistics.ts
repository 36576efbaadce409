/** Median, percentile, and growth. */

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

/**
 * Returns the exponent with which a figure grows: 1 is proportional to the size, 2 is quadratic. It is the slope of the
 * line that fits the logarithms best.
 *
 * @param points with at least two different sizes; all numbers are positive
 */
export function growthExponent(points: readonly { readonly size: number; readonly value: number }[]): number {
  const logs = points.map(({ size, value }) => [Math.log(size), Math.log(value)] as const)
  const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / values.length
  const [x, y] = [mean(logs.map(([each]) => each)), mean(logs.map(([, each]) => each))]
  const products = logs.map(([logSize, logValue]) => (logSize - x) * (logValue - y))
  return mean(products) / mean(logs.map(([logSize]) => (logSize - x) ** 2))
}

function nth(sorted: readonly number[], index: number): number {
  const value = sorted[index]
  if (value === undefined) throw new RangeError('expected at least one value')
  return value
}
