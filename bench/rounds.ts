/** Measures a benchmark: all servers in each round, one after the other. */
import type { Benchmark, BenchmarkResult, Measurement, ServerResult, TestedServer } from './benchmark.ts'
import type { Network } from './network.ts'
import { startServer } from './servers.ts'
import type { Files } from './site.ts'
import { slipway } from './slipway.ts'
import { formatFigure } from './table.ts'

/** Runs all rounds of one benchmark. Each round measures every server, and starts with another one. */
export async function runBenchmark(
  benchmark: Benchmark,
  network: Network,
  files: Files,
  rounds: number,
): Promise<BenchmarkResult> {
  const servers = [benchmark.slipway ?? slipway, ...benchmark.peers]
  const measured = servers.map((server) => ({ server, runs: [] as Run[] }))
  for (const server of servers) await server.prepare?.(files)
  for (let round = 0; round < rounds; round++) {
    const first = round % measured.length
    for (const { server, runs } of [...measured.slice(first), ...measured.slice(0, first)]) {
      const run = await withRetry(() => measure(benchmark, server, network, files))
      runs.push(run)
      console.log(
        `${benchmark.key.padEnd(8)} round ${round + 1}  ${server.name.padEnd(10)} ${formatFigure(run.value)} ${benchmark.unit}, ${formatFigure(run.microseconds)} µs per ${benchmark.work}`,
      )
    }
  }
  const [own, ...peers] = measured.map(({ server, runs }) => resultOf(server.name, runs))
  return { benchmark, slipway: own as ServerResult, peers }
}

/** Repeats a failed measurement once, because other programs may have caused the failure. */
export async function withRetry<T>(measure: () => Promise<T>): Promise<T> {
  try {
    return await measure()
  } catch (error) {
    console.log(`repeating after a failure: ${(error as Error).message}`)
    return measure()
  }
}

type Run = Measurement & {
  readonly microseconds: number
  readonly busyPercent: number
  readonly memoryMiB: number
}

async function measure(
  benchmark: Benchmark,
  tested: TestedServer,
  network: Network,
  files: Files,
): Promise<Run> {
  const server = await startServer(network, tested, benchmark.port, files)
  try {
    await benchmark.warmUp(network, files)
    const [before, startedAt] = [await server.processorSeconds(), performance.now()]
    const measurement = await benchmark.measure(network, files)
    const used = (await server.processorSeconds()) - before
    const seconds = (performance.now() - startedAt) / 1000
    return {
      ...measurement,
      microseconds: (used * 1e6) / measurement.done,
      busyPercent: (100 * used) / (seconds * network.serverCores),
      memoryMiB: await server.memoryMiB(),
    }
  } catch (error) {
    throw new Error(`${benchmark.key}, ${tested.name}: ${(error as Error).message}`, { cause: error })
  } finally {
    await server.stop()
  }
}

function resultOf(name: string, runs: readonly Run[]): ServerResult {
  return {
    name,
    values: runs.map(({ value }) => value),
    lostPercent: Math.max(...runs.map(({ lostPercent = 0 }) => lostPercent)),
    microseconds: runs.map(({ microseconds }) => microseconds),
    busyPercent: runs.map(({ busyPercent }) => busyPercent),
    memoryMiB: Math.max(...runs.map(({ memoryMiB }) => memoryMiB)),
    extras: runs.flatMap(({ extras }) => (extras === undefined ? [] : [extras])),
  }
}
