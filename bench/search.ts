/** Searches for the highest sustained rate: doubles or halves the rate, then narrows the interval. */

/**
 * @param isSustained tests one rate
 * @returns the highest sustained rate; 0 if not even `min` was sustained
 */
export async function highestRate(
  isSustained: (rate: number) => Promise<boolean>,
  { first, min, max, steps }: { first: number; min: number; max: number; steps: number },
): Promise<number> {
  let sustained = 0
  let exceeded = Infinity
  let rate = first
  while (rate >= min && rate <= max) {
    if (await isSustained(rate)) sustained = rate
    else exceeded = rate
    if (sustained > 0 && exceeded < Infinity) break
    rate = sustained > 0 ? rate * 2 : rate / 2
  }
  if (sustained === 0 || exceeded === Infinity) return sustained
  for (let step = 0; step < steps; step++) {
    const middle = Math.round(Math.sqrt(sustained * exceeded))
    if (await isSustained(middle)) sustained = middle
    else exceeded = middle
  }
  return sustained
}
