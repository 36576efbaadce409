/**
 * Fuzzing one protocol: inputs damaged from captures, promises checked on each, a find made small and kept
 * as a fixture that every later run replays. A few thousand inputs in `npm test`, always the same ones;
 * FUZZ_RUNS of them in `npm run fuzz`, others each time (FUZZ_SEED, which it prints, gives them again).
 */
import { createHash } from 'node:crypto'
import { globSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Test } from 'tap'
import { hexFixture } from '../support/hex.ts'
import { damaged, type Mutator } from './mutate.ts'
import { createRandom } from './random.ts'

export type Campaign = {
  /** The folder of its finds, below test/fixtures/hex. */
  readonly protocol: string
  readonly captures: readonly Uint8Array[]
  /** Those that know the format. */
  readonly mutators: readonly Mutator[]
  readonly mostOctets: number
  /** Inputs in `npm test`. */
  readonly shortRuns: number
  /** Inputs that one service is given before it is judged and replaced. */
  readonly batch: number
  /** The pure half. @throws when a promise is broken */
  readonly check?: (octets: Uint8Array) => void
  /** A whole service, made for these inputs. @throws when a promise is broken */
  readonly serve: (inputs: readonly Uint8Array[]) => Promise<void>
}

const fixtures = new URL('../fixtures/hex/', import.meta.url)
const mostStepsToSmall = 3000

export function fuzz(t: Test, campaign: Campaign): void {
  const { protocol } = campaign
  const finds = globSync(`${protocol}/*.hex`, { cwd: fixtures })
  for (const find of finds.sort()) {
    t.test(`find: ${find}`, (t) =>
      judge(campaign, hexFixture(`hex/${find.replace(/\.hex$/, '')}`)).then((fault) =>
        t.equal(fault, undefined),
      ),
    )
  }
  const runs = Number(process.env['FUZZ_RUNS'] ?? campaign.shortRuns)
  const ownSeed = process.env['FUZZ_RUNS'] === undefined ? 1 : Date.now() % 0x7fffffff
  const seed = Number(process.env['FUZZ_SEED'] ?? ownSeed)
  t.test(`${protocol}: ${runs} damaged inputs from seed ${seed}`, async (t) => {
    const faults = await run(campaign, runs, seed, (done) => t.comment(`${done} of ${runs}`))
    t.same(faults, [])
  })
}

/** @returns one line for each find; ends at the first batch that has one */
async function run(
  campaign: Campaign,
  runs: number,
  seed: number,
  progress: (done: number) => void,
): Promise<string[]> {
  const random = createRandom(seed)
  const { captures, mutators, mostOctets } = campaign
  for (let done = 0; done < runs;) {
    const count = Math.min(campaign.batch, runs - done)
    const inputs = Array.from({ length: count }, () => damaged(captures, mutators, mostOctets, random))
    const fault = await judgeAll(campaign, inputs)
    if (fault !== undefined) return report(campaign, inputs, fault, seed)
    done += count
    if (Math.floor(done / 100_000) > Math.floor((done - count) / 100_000)) progress(done)
  }
  return []
}

/** What is wrong with the answers to these, or nothing. */
async function judgeAll(
  { check, serve }: Campaign,
  inputs: readonly Uint8Array[],
): Promise<string | undefined> {
  try {
    if (check !== undefined) {
      for (const input of inputs) {
        const before = Buffer.from(input)
        check(input)
        if (!before.equals(input)) throw new Error('the input was changed')
      }
    }
    await serve(inputs)
    return undefined
  } catch (error) {
    return (error as Error).stack ?? String(error)
  }
}

const judge = (campaign: Campaign, input: Uint8Array): Promise<string | undefined> =>
  judgeAll(campaign, [input])

async function report(
  campaign: Campaign,
  inputs: readonly Uint8Array[],
  fault: string,
  seed: number,
): Promise<string[]> {
  const lines: string[] = []
  for (const input of inputs) {
    const alone = await judge(campaign, input)
    if (alone === undefined) continue
    const small = await smallest(campaign, input)
    lines.push(`${keep(campaign.protocol, small, alone)}: ${alone}`)
    if (lines.length === 3) break
  }
  return lines.length > 0 ? lines : [`only one after the other (FUZZ_SEED=${seed}): ${fault}`]
}

/** Takes away and zeroes what the fault does not need. */
async function smallest(campaign: Campaign, input: Uint8Array): Promise<Uint8Array> {
  let small = input
  let steps = 0
  const isFault = async (candidate: Uint8Array): Promise<boolean> =>
    steps++ < mostStepsToSmall && (await judge(campaign, candidate)) !== undefined
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

/** @returns the fixture's path */
function keep(protocol: string, input: Uint8Array, fault: string): string {
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
