/**
 * Compares slipway with other servers: the same requests on the same cores, one server after the other in each round.
 * Started by bench/run, which installs the packages.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { TestedServer, Benchmark, Measurement, ServerResult } from './benchmark.ts'
import { dhcp } from './dhcp.ts'
import { dns } from './dns.ts'
import { images, scripts } from './http.ts'
import { describeMachine, loadAverage } from './machine.ts'
import { createNetwork, type Network } from './network.ts'
import { slipway } from './slipway.ts'
import { formatResults, formatSummary, formatLatency, latencyTitle, type BenchmarkResult } from './report.ts'
import { startServer } from './servers.ts'
import { image, type Files } from './site.ts'
import { latencyUnderLoad, type Delays } from './latency.ts'
import { measureRestarts } from './restart-report.ts'
import { formatFigure } from './table.ts'
import { tftp } from './tftp.ts'

const usage = `Usage: bench/run [--rounds N] [--only WORK] [--compare DIR]

Compares slipway with other servers, and measures its starts and reloads. Needs root.

  --rounds N    number of rounds (default: 3, about twelve minutes); figures are medians
  --only WORK   dns, dhcp, tftp, images, scripts, latency, start, or reload; can be repeated.
                bench/results.md is written only if all of them were run.
  --compare DIR another checkout of slipway with its node_modules: start and reload are
                measured for both, in alternating order`

const benchmarks: readonly Benchmark[] = [dns, dhcp, tftp, images, scripts]
const otherWorks = ['latency', 'start', 'reload']
const workDir = join(import.meta.dirname, '.work')
const resultsPath = join(import.meta.dirname, 'results.md')

process.exitCode = await main()

async function main(): Promise<number> {
  const options = readArguments()
  if (typeof options === 'number') return options
  const { rounds, isSelected, compared } = options
  const startedAt = new Date()
  const loadBefore = loadAverage()
  const files = await createDirectories()
  for (const benchmark of benchmarks) await benchmark.prepare?.(files)
  const network = await createNetwork()
  const interrupt = (): void => void network.close().finally(() => process.exit(130))
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  try {
    const results: BenchmarkResult[] = []
    for (const benchmark of benchmarks.filter(({ key }) => isSelected(key))) {
      results.push(await runBenchmark(benchmark, network, files, rounds))
    }
    const latencies = isSelected('latency') ? await measureLatencies(network, files, rounds) : []
    const restarts = await measureRestarts(network, files, { rounds, isSelected, compared })
    const text = [
      ...(results.length + latencies.length === 0 ? [] : [formatSummary(results, latencies)]),
      ...results.map((result) => `## ${result.benchmark.title}\n\n${formatResults(result)}`),
      ...(latencies.length === 0 ? [] : [`## ${latencyTitle}\n\n${formatLatency(latencies)}`]),
      ...restarts,
    ].join('\n\n')
    console.log(`\n${text}`)
    if ([...benchmarks.map(({ key }) => key), ...otherWorks].every(isSelected)) {
      await writeFile(resultsPath, `${await head(startedAt, rounds, loadBefore)}\n\n${text}\n`)
    }
    return 0
  } finally {
    await network.close()
  }
}

type Options = {
  readonly rounds: number
  readonly isSelected: (key: string) => boolean
  readonly compared: string | undefined
}

function readArguments(): Options | number {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '3' },
        only: { type: 'string', multiple: true, default: [] },
        compare: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      console.log(usage)
      return 0
    }
    const rounds = Number(values.rounds)
    if (!Number.isInteger(rounds) || rounds < 1)
      throw new Error(`--rounds ${values.rounds}: expected 1 or more`)
    const known = [...benchmarks.map(({ key }) => key), ...otherWorks]
    const unknown = values.only.find((key) => !known.includes(key))
    if (unknown !== undefined) throw new Error(`--only ${unknown}: expected ${known.join(', ')}`)
    return {
      rounds,
      isSelected: (key) => values.only.length === 0 || values.only.includes(key),
      compared: values.compare === undefined ? undefined : resolve(values.compare),
    }
  } catch (error) {
    console.error(`bench: ${(error as Error).message}\n${usage}`)
    return 2
  }
}

async function createDirectories(): Promise<Files> {
  const dir = join(workDir, 'run')
  await rm(dir, { recursive: true, force: true })
  const web = join(dir, 'web')
  const files = { dir, web, images: join(web, 'images', image), tftpRoot: join(dir, 'tftp') }
  for (const each of [files.images, files.tftpRoot]) await mkdir(each, { recursive: true })
  return files
}

/** Runs all rounds of one benchmark. Each round measures every server, and starts with another one. */
async function runBenchmark(
  benchmark: Benchmark,
  network: Network,
  files: Files,
  rounds: number,
): Promise<BenchmarkResult> {
  const servers = [slipway, ...benchmark.peers]
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
async function withRetry<T>(measure: () => Promise<T>): Promise<T> {
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
  }
}

async function measureLatencies(
  network: Network,
  files: Files,
  rounds: number,
): Promise<(readonly Delays[])[]> {
  const all: (readonly Delays[])[] = []
  await slipway.prepare?.(files)
  for (let round = 0; round < rounds; round++) {
    const delays = await withRetry(() => measureLatency(network, files))
    all.push(delays)
    for (const { name, p50, p99, lostPercent } of delays) {
      console.log(
        `latency  round ${round + 1}  ${name.padEnd(10)} ${formatFigure(p50)} ms median, ${formatFigure(p99)} ms at the 99th percentile, ${lostPercent.toFixed(2)} % lost`,
      )
    }
  }
  return all
}

async function measureLatency(network: Network, files: Files): Promise<readonly Delays[]> {
  const server = await startServer(network, slipway, dhcp.port, files)
  try {
    await dns.warmUp(network, files)
    await dhcp.warmUp(network, files)
    return await latencyUnderLoad(network, files)
  } finally {
    await server.stop()
  }
}

async function head(startedAt: Date, rounds: number, loadBefore: string): Promise<string> {
  return [
    '# Results of `npm run bench`',
    '',
    `Written by \`npm run bench -- --rounds ${rounds}\` on ${startedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC; do not edit.`,
    '',
    ...(await describeMachine()).map((line) => `- ${line}`),
    `- ${rounds} rounds. Figures are medians of the rounds; "lost" and "memory" are maxima. In each round, each server is`,
    '  started, warmed up with similar work, measured, and stopped, one after the other. Servers use the first half of',
    '  the cores and load programs the other half, both with a higher priority than other processes (nice -15). Peers',
    '  log as little as possible; slipway logs with its default level, one line for each request.',
    `- Load average before the run: ${loadBefore}. Above 0.5, other programs affected the figures, mainly those of images,`,
    '  which depend on memory bandwidth.',
    '- docs/decisions/0027-performance.md explains what limits slipway, and what native code would gain.',
    '',
    'A ratio above 1 means that slipway is better: that many times the rate, or the time divided by that number.',
  ].join('\n')
}
