/** Pseudorandom numbers: the same seed gives the same inputs. */

export type Random = {
  /** Returns an integer from 0 to `limit` - 1. */
  below(limit: number): number
  /** Returns true with a probability of 1 / `inTimes`. */
  once(inTimes: number): boolean
  pick<T>(from: readonly T[]): T
  octets(count: number): Uint8Array
}

/** Tommy Ettinger's mulberry32: fast, and random enough for this purpose. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number): number => next() % limit
  return {
    below,
    once: (inTimes) => below(inTimes) === 0,
    pick(from) {
      const index = below(from.length)
      return from[index] as (typeof from)[number]
    },
    octets: (count) => Uint8Array.from({ length: count }, () => next() & 0xff),
  }
}
