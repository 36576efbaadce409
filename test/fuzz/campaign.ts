/**
 * Fuzzes one protocol: mutates captures, checks invariants for each input, minimizes an input that violates one, and saves
 * it as a fixture that every later run replays. `npm test` uses a few thousand inputs, always the same. `npm run fuzz`
 * uses FUZZ_RUNS inputs with a new seed, which it prints; FUZZ_SEED repeats a run.
 */
import { createHash } from 'node:crypto'
import { globSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Test } from 'tap'
import { hexFixture } from '../support/hex.ts'
import { mutated, type Mutator } from './mutate.ts'
import { createRandom } from './random.ts'

export type Campaign = {
  /** Directory of its failing inputs, below test/fixtures/hex. */
  readonly protocol: string
  readonly captures: readonly Uint8Array[]
  /** Mutators that preserve part of the format. */
  readonly mutators: readonly Mutator[]
  readonly maxOctets: number
  /** Inputs in `npm test`. */
  readonly shortRuns: number
  /** Inputs for one instance of the service. */
  readonly batch: number
  /** Checks the pure functions. @throws {Error} if an invariant is violated */
  readonly check?: (octets: Uint8Array) => void
  /** Starts a service and sends these inputs. @throws {Error} if an invariant is violated */
  readonly serve: (inputs: readonly Uint8Array[]) => Promise<void>
}

const fixtures = new URL('../fixtures/hex/', import.meta.url)
const maxMinimizeSteps = 3000

export function fuzz(t: Test, campaign: Campaign): void {
  const { protocol } = campaign
  const failures = globSync(`${protocol}/*.hex`, { cwd: fixtures })
  for (const failure of failures.sort()) {
    t.test(`fixture: ${failure}`, (t) =>
      runOne(campaign, hexFixture(`hex/${failure.replace(/\.hex$/, '')}`)).then((fault) =>
        t.equal(fault, undefined),
      ),
    )
  }
  const runs = Number(process.env['FUZZ_RUNS'] ?? campaign.shortRuns)
  const defaultSeed = process.env['FUZZ_RUNS'] === undefined ? 1 : Date.now() % 0x7fffffff
  const seed = Number(process.env['FUZZ_SEED'] ?? defaultSeed)
  t.test(`${protocol}: ${runs} mutated inputs from seed ${seed}`, async (t) => {
    const faults = await run(campaign, runs, seed, (done) => t.comment(`${done} of ${runs}`))
    t.same(faults, [])
  })
}

/** @returns a line for each failing input; stops after the first batch with one */
async function run(
  campaign: Campaign,
  runs: number,
  seed: number,
  progress: (done: number) => void,
): Promise<string[]> {
  const random = createRandom(seed)
  const { captures, mutators, maxOctets } = campaign
  for (let done = 0; done < runs;) {
    const count = Math.min(campaign.batch, runs - done)
    const inputs = Array.from({ length: count }, () => mutated(captures, mutators, maxOctets, random))
    const fault = await runAll(campaign, inputs)
    if (fault !== undefined) return report(campaign, inputs, fault, seed)
    done += count
    if (Math.floor(done / 100_000) > Math.floor((done - count) / 100_000)) progress(done)
  }
  return []
}

/** Returns the violated invariant, if any. */
async function runAll(
  { check, serve }: Campaign,
  inputs: readonly Uint8Array[],
): Promise<string | undefined> {
  try {
    if (check !== undefined) {
      for (const input of inputs) {
        const before = Buffer.from(input)
        check(input)
        if (!before.equals(input)) throw new Error('the input buffer was modified')
      }
    }
    await serve(inputs)
    return undefined
  } catch (error) {
    return (error as Error).stack ?? String(error)
  }
}

const runOne = (campaign: Campaign, input: Uint8Array): Promise<string | undefined> =>
  runAll(campaign, [input])

async function report(
  campaign: Campaign,
  inputs: readonly Uint8Array[],
  fault: string,
  seed: number,
): Promise<string[]> {
  const lines: string[] = []
  for (const input of inputs) {
    const alone = await runOne(campaign, input)
    if (alone === undefined) continue
    const small = await minimize(campaign, input)
    lines.push(`${saveFixture(campaign.protocol, small, alone)}: ${alone}`)
    if (lines.length === 3) break
  }
  return lines.length > 0 ? lines : [`fails only with the whole batch (FUZZ_SEED=${seed}): ${fault}`]
}

/** Removes and zeroes octets as long as the input still fails. */
async function minimize(campaign: Campaign, input: Uint8Array): Promise<Uint8Array> {
  let small = input
  let steps = 0
  const isFault = async (candidate: Uint8Array): Promise<boolean> =>
    steps++ < maxMinimizeSteps && (await runOne(campaign, candidate)) !== undefined
  for (let part = small.length >> 1; part > 0; part >>= 1) {
    for (let at = 0; at < small.length;) {
      const candidate = Uint8Array.of(...small.subarray(0, at), ...small.subarray(at + part))
      if (await isFault(candidate)) small = candidate
      else at += part
    }
  }
  for (let at = 0; at < small.length; at++) {
    const candidate = small.slice()
    candidate[at] = 0
    if (small[at] !== 0 && (await isFault(candidate))) small = candidate
  }
  return small
}

/** @returns the path of the fixture */
function saveFixture(protocol: string, input: Uint8Array, fault: string): string {
  const folder = new URL(`${protocol}/`, fixtures)
  mkdirSync(folder, { recursive: true })
  const name = `${createHash('sha256').update(input).digest('hex').slice(0, 12)}.hex`
  const digits = Buffer.from(input)
    .toString('hex')
    .replaceAll(/(..)/g, '$1 ')
    .replaceAll(/(.{96})/g, '$1\n')
  const cause = (fault.split('\n')[0] ?? '').slice(0, 200)
  writeFileSync(new URL(name, folder), `# Found by npm run fuzz: ${cause}\n${digits.trimEnd()}\n`)
  return `test/fixtures/hex/${protocol}/${basename(name)}`
}
