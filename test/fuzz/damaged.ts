/**
 * A valid request of a declared machine with any one option damaged still gets its answer. Damage that makes another valid
 * request is left out, such as another requested address. Runs like the other campaigns: `npm run fuzz` uses FUZZ_RUNS
 * cases for each protocol with a new seed, and FUZZ_SEED repeats a run.
 */
import type { Test } from 'tap'
import { createRandom, type Random } from './random.ts'

const shortRuns = 2000
/** Cases that are checked at the same time, because some wait for files: fewer than one client can download. */
const batch = 8
const progressRuns = 100_000

/** `holds` returns whether the request gets its answer. */
export type DamagedRequest = {
  readonly input: Uint8Array
  readonly holds: () => boolean | Promise<boolean>
}

/**
 * Reports up to three failing inputs in hexadecimal.
 *
 * @param next creates a case
 * @param reset is called after each batch
 */
export function property(
  t: Test,
  protocol: string,
  next: (random: Random) => DamagedRequest,
  reset = (): void => {},
): void {
  const given = process.env['FUZZ_RUNS']
  const runs = Number(given ?? shortRuns)
  const seed = Number(process.env['FUZZ_SEED'] ?? (given === undefined ? 1 : Date.now() % 0x7fffffff))
  t.test(`${protocol}: ${runs} requests with one damaged option from seed ${seed}`, async (t) => {
    const random = createRandom(seed)
    const failures: string[] = []
    for (let done = 0; done < runs && failures.length < 3; done += batch) {
      const cases = Array.from({ length: Math.min(batch, runs - done) }, () => next(random))
      const results = await Promise.all(cases.map(async ({ holds }) => holds()))
      const failed = cases.filter((_, index) => results[index] !== true)
      failures.push(...failed.map(({ input }) => Buffer.from(input).toString('hex')))
      if (done > 0 && done % progressRuns === 0) t.comment(`${done} of ${runs}`)
      reset()
    }
    t.same(failures.slice(0, 3), [])
  })
}
