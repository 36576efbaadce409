/** The highest rate that is held: doubled until it is not (or halved until it is), then narrowed. */

/**
 * @param holds whether the rate is held; called with one rate after the other
 * @returns the highest rate that was held, 0 when not even `least` was
 */
export async function highestRate(
  holds: (rate: number) => Promise<boolean>,
  { first, least, most, steps }: { first: number; least: number; most: number; steps: number },
): Promise<number> {
  let good = 0
  let bad = Infinity
  let rate = first
  while (rate >= least && rate <= most) {
    if (await holds(rate)) good = rate
    else bad = rate
    if (good > 0 && bad < Infinity) break
    rate = good > 0 ? rate * 2 : rate / 2
  }
  if (good === 0 || bad === Infinity) return good
  for (let step = 0; step < steps; step++) {
    const middle = Math.round(Math.sqrt(good * bad))
    if (await holds(middle)) good = middle
    else bad = middle
  }
  return good
}
