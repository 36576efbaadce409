/** Runs the load program for DHCP (dhcp-load/), and searches for the highest rate at which it loses few exchanges. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../test/e2e/process.ts'
import type { Measurement } from './benchmark.ts'
import type { Network } from './network.ts'
import { highestRate } from './search.ts'
import { nodes, type Files } from './site.ts'

/** The output of the program; dhcp-load/main.go describes it. */
export type LoadResult = {
  readonly started: number
  readonly completed: number
  /** Datagrams that did not fit in the receive buffer of the program. */
  readonly dropped: number
  readonly sendingSeconds: number
  /** Processor time of the program while it started exchanges. */
  readonly userSeconds: number
  readonly systemSeconds: number
  /** Time of a complete exchange. */
  readonly averageMs: number
  readonly longestMs: number
}

/** Long enough that the content of a receive buffer does not matter. */
const seconds = 2
const maxLostPercent = 1
const minStartedPercent = 98
const rates = { first: 4000, min: 60, max: 256_000, steps: 3 }

/** Starts exchanges at a fixed rate. */
export type Exchanges = (rate: number, forSeconds: number) => Promise<LoadResult>

/** @param connection the arguments of the program for its addresses or its interface */
export async function runLoad(
  network: Network,
  { dir }: Files,
  connection: readonly string[],
  [rate, forSeconds]: Parameters<Exchanges>,
): Promise<LoadResult> {
  const program = join(import.meta.dirname, '.work/dhcp-load')
  const load = ['-macs', macsPath(dir), '-rate', `${rate}`, '-seconds', `${forSeconds}`]
  return JSON.parse(await output(network.onClient(0, program, ...load, ...connection))) as LoadResult
}

/** @throws {Error} if the server completes no exchange */
export async function warmUp(exchanges: Exchanges): Promise<void> {
  const { completed } = await exchanges(500, 1)
  if (completed === 0) throw new Error('no exchange was completed')
  await exchanges(4000, 1)
}

/** Searches for the highest rate at which few exchanges are lost. */
export async function measureRate(exchanges: Exchanges): Promise<Measurement> {
  const tested = new Map<number, LoadResult>()
  let done = 0
  let untested = 0
  const exchange = async (rate: number): Promise<LoadResult | undefined> => {
    const result = await exchanges(rate, seconds)
    done += result.completed
    // If the load program itself is too slow, or loses replies, the server was not tested at this rate.
    const isTested = result.dropped === 0 && result.started >= (minStartedPercent / 100) * rate * seconds
    return isTested ? result : undefined
  }
  const isSustained = async (rate: number): Promise<boolean> => {
    // Another program may have delayed the load program, so it gets a second attempt.
    const result = (await exchange(rate)) ?? (await exchange(rate))
    if (result === undefined) {
      untested++
      return false
    }
    tested.set(rate, result)
    return lostPercentOf(result) < maxLostPercent
  }
  const value = await highestRate(isSustained, rates)
  const highest = tested.get(value)
  return {
    ...{ value, done },
    lostPercent: highest === undefined ? 100 : lostPercentOf(highest),
    extras: {
      'load program busy %': highest === undefined ? 0 : busyPercentOf(highest),
      'rates not tested': untested,
    },
  }
}

function lostPercentOf({ started, completed }: LoadResult): number {
  return 100 * (1 - completed / started)
}

function busyPercentOf({ userSeconds, systemSeconds, sendingSeconds }: LoadResult): number {
  return (100 * (userSeconds + systemSeconds)) / sendingSeconds
}

/** Writes the MAC addresses of the machines. */
export async function writeMacs({ dir }: Files): Promise<void> {
  await writeFile(macsPath(dir), `${nodes.map(({ mac }) => mac).join('\n')}\n`)
}

export const macsPath = (dir: string) => join(dir, 'macs')
