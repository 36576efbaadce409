/** Mutators for any octets. Mutators for a format are in the file of its test. */
import type { Random } from './random.ts'

/** Returns other octets and does not modify the input. @param others captures, for parts of them */
export type Mutator = (octets: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array

/** Boundary values of lengths, counts, and signs. */
const boundaryValues = [0x00, 0x01, 0x02, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xfe, 0xff]

export const anyMutators: readonly Mutator[] = [
  flipBits,
  setOctet,
  setPair,
  truncate,
  drop,
  repeat,
  insert,
  splice,
]

/**
 * Applies up to four mutations to a capture, mostly with mutators for the format, because the decoder rejects inputs with
 * more damage. Returns random octets for one in 50 inputs.
 */
export function mutated(
  captures: readonly Uint8Array[],
  mutators: readonly Mutator[],
  maxOctets: number,
  random: Random,
): Uint8Array {
  if (random.once(50)) return random.octets(random.below(maxOctets + 1))
  let octets = Uint8Array.from(random.pick(captures))
  for (let left = 1 + random.below(1 + random.below(4)); left > 0; left--) {
    const mutate = random.pick(random.once(4) ? anyMutators : mutators)
    octets = Uint8Array.from(mutate(octets, random, captures)).slice(0, maxOctets)
  }
  return octets
}

/** Returns a copy with the octets from `start` to `end` replaced. */
export function replaced(octets: Uint8Array, start: number, end: number, by: Uint8Array): Uint8Array {
  return Uint8Array.of(...octets.subarray(0, start), ...by, ...octets.subarray(end))
}

export function shuffled<T>(list: readonly T[], random: Random): T[] {
  const rest = [...list]
  return list.map(() => rest.splice(random.below(rest.length), 1)[0] as T)
}

function flipBits(octets: Uint8Array, random: Random): Uint8Array {
  const copy = octets.slice()
  for (let left = 1 + random.below(8); left > 0 && copy.length > 0; left--) {
    const at = random.below(copy.length)
    copy[at] = (copy[at] as number) ^ (1 << random.below(8))
  }
  return copy
}

function setOctet(octets: Uint8Array, random: Random): Uint8Array {
  const at = random.below(octets.length + 1)
  return replaced(octets, at, at + 1, Uint8Array.of(random.pick(boundaryValues)))
}

function setPair(octets: Uint8Array, random: Random): Uint8Array {
  const at = random.below(octets.length + 1)
  return replaced(octets, at, at + 2, Uint8Array.of(random.pick(boundaryValues), random.pick(boundaryValues)))
}

function truncate(octets: Uint8Array, random: Random): Uint8Array {
  return octets.slice(0, random.below(octets.length + 1))
}

function drop(octets: Uint8Array, random: Random): Uint8Array {
  const [start, end] = range(octets, random)
  return replaced(octets, start, end, new Uint8Array())
}

function repeat(octets: Uint8Array, random: Random): Uint8Array {
  const [start, end] = range(octets, random)
  return replaced(octets, end, end, octets.subarray(start, end))
}

function insert(octets: Uint8Array, random: Random): Uint8Array {
  const at = random.below(octets.length + 1)
  return replaced(octets, at, at, random.octets(1 + random.below(32)))
}

/** Joins the start of one capture and the end of another. */
function splice(octets: Uint8Array, random: Random, others: readonly Uint8Array[]): Uint8Array {
  const other = random.pick(others)
  return Uint8Array.of(
    ...octets.subarray(0, random.below(octets.length + 1)),
    ...other.subarray(random.below(other.length + 1)),
  )
}

function range(octets: Uint8Array, random: Random): readonly [start: number, end: number] {
  const start = random.below(octets.length + 1)
  return [start, Math.min(octets.length, start + 1 + random.below(40))]
}
