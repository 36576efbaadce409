/**
 * Compares slipway with other servers: the same requests on the same cores, one server after the other in each round.
 * Started by bench/run, which installs the packages.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Benchmark, BenchmarkResult } from './benchmark.ts'
import { dhcp } from './dhcp.ts'
import { dhcp6 } from './dhcp6.ts'
import { dns } from './dns.ts'
import { firmware } from './firmware.ts'
import { formatGoals } from './goals.ts'
import { images, scripts } from './http.ts'
import { measureIdle } from './idle.ts'
import { measureLatencies } from './latency.ts'
import { describeMachine, loadAverage } from './machine.ts'
import { createNetwork } from './network.ts'
import { pair } from './rack/pair.ts'
import { bigRack, rack } from './rack/rack.ts'
import { tftpCrowd, tftpLoss } from './rack/tftp-clients.ts'
import { machineKinds, withRecord, type MachineKind } from './record.ts'
import { benchmarkSection, failedSection, formatSummary, latencySection, type Section } from './report.ts'
import { measureRestarts } from './restart-report.ts'
import { runBenchmark } from './rounds.ts'
import { measureScaling } from './scaling/scaling.ts'
import { image, type Files } from './site.ts'
import { tftp } from './tftp.ts'

const usage = `Usage: bench/run [--rounds N] [--only NAME] [--goals] [--record KIND] [--compare DIR]

Compares slipway with other servers, and measures its starts and reloads. Needs root.

  --rounds N    number of rounds (default: 3, about half an hour); figures are medians
  --only NAME   dns, dhcp, dhcp6, tftp, tftp-500, tftp-loss, images, scripts, rack,
                rack-1000, pair, firmware, latency, start, reload, idle, or scaling; can be
                repeated. core means dns, dhcp, tftp, tftp-500, images, and scripts
  --goals       print only the goals, their figures, and whether they are met
  --record KIND write the results to bench/results.md, as those of a quiet or busy machine
  --compare DIR another checkout of slipway with its node_modules: start and reload are
                measured for both, in alternating order

Exit status: 0 success; 1 failure, or with --goals a goal was not met; 2 usage error.`

const benchmarks: readonly Benchmark[] = [
  dns,
  dhcp,
  dhcp6,
  tftp,
  tftpCrowd,
  tftpLoss,
  images,
  scripts,
  rack,
  bigRack,
  pair,
  firmware,
]
const coreWorks = ['dns', 'dhcp', 'tftp', 'tftp-500', 'images', 'scripts']
const otherWorks = ['latency', 'start', 'reload', 'idle', 'scaling']
const allWorks = [...benchmarks.map(({ key }) => key), ...otherWorks]
const sharedInput: readonly Benchmark[] = [dns, dhcp, images]
const workDir = join(import.meta.dirname, '.work')
const resultsPath = join(import.meta.dirname, 'results.md')

process.exitCode = await main()

async function main(): Promise<number> {
  const options = readArguments()
  if (typeof options === 'number') return options
  const { rounds, isSelected, compared, isGoalsOnly, record, works } = options
  const startedAt = new Date()
  const loadBefore = loadAverage()
  const files = await createDirectories()
  // The other benchmarks use the input of the first ones, and their site names the images.
  const isShared = otherWorks.some(isSelected)
  const isNeeded = (each: Benchmark) => isSelected(each.key) || (isShared && sharedInput.includes(each))
  for (const benchmark of benchmarks.filter(isNeeded)) await benchmark.prepare?.(files)
  const network = await createNetwork()
  const interrupt = (): void => void network.close().finally(() => process.exit(130))
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  try {
    const results: BenchmarkResult[] = []
    // The other benchmarks are measured in spite of a failure.
    const failures: Section[] = []
    for (const benchmark of benchmarks.filter(({ key }) => isSelected(key))) {
      try {
        results.push(await runBenchmark(benchmark, network, files, rounds))
      } catch (error) {
        console.log((error as Error).message)
        failures.push(failedSection(benchmark.title, error as Error))
      }
    }
    const latencies = isSelected('latency') ? await measureLatencies(network, files, rounds) : []
    const sections: readonly Section[] = [
      ...results.map(benchmarkSection),
      ...failures,
      ...(latencies.length === 0 ? [] : [latencySection(latencies)]),
      ...(await measureRestarts(network, files, { rounds, isSelected, compared })),
      ...(isSelected('idle') ? [await measureIdle(network, files, rounds)] : []),
      ...(isSelected('scaling') ? [await measureScaling(network, files)] : []),
    ]
    const goals = sections.flatMap((section) => section.goals)
    const text = [
      ...(results.length + latencies.length === 0 ? [] : [formatSummary(results, latencies)]),
      ...(goals.length === 0 ? [] : [`## Goals\n\n${formatGoals(goals)}`]),
      ...sections.map((section) => `## ${section.title}\n\n${section.text}`),
    ].join('\n\n')
    console.log(`\n${isGoalsOnly ? formatGoals(goals) : text}`)
    if (record !== undefined) {
      await writeAttachments(sections)
      const document = await readFile(resultsPath, 'utf8')
      const recorded = `${await head(startedAt, rounds, loadBefore)}\n\n${text}`
      await writeFile(resultsPath, withRecord(document, { kind: record, works, text: recorded }))
    }
    const isMissed = isGoalsOnly && !goals.every(({ isMet }) => isMet)
    return isMissed || failures.length > 0 ? 1 : 0
  } finally {
    await network.close()
  }
}

async function writeAttachments(sections: readonly Section[]): Promise<void> {
  const dir = join(import.meta.dirname, 'results')
  await mkdir(dir, { recursive: true })
  for (const { attachment } of sections)
    if (attachment !== undefined) await writeFile(join(dir, attachment.name), attachment.text)
}

type Options = {
  readonly rounds: number
  readonly isSelected: (key: string) => boolean
  readonly compared: string | undefined
  readonly isGoalsOnly: boolean
  readonly record: MachineKind | undefined
  /** The works that were selected; empty if all are. */
  readonly works: readonly string[]
}

function readArguments(): Options | number {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '3' },
        only: { type: 'string', multiple: true, default: [] },
        compare: { type: 'string' },
        goals: { type: 'boolean', default: false },
        record: { type: 'string' },
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
    const only = values.only.flatMap((key) => (key === 'core' ? coreWorks : [key]))
    const unknown = only.find((key) => !allWorks.includes(key))
    if (unknown !== undefined) throw new Error(`--only ${unknown}: expected core, ${allWorks.join(', ')}`)
    const record = machineKinds.find((kind) => kind === values.record)
    if (values.record !== undefined && record === undefined)
      throw new Error(`--record ${values.record}: expected ${machineKinds.join(' or ')}`)
    return {
      rounds,
      isSelected: (key) => only.length === 0 || only.includes(key),
      compared: values.compare === undefined ? undefined : resolve(values.compare),
      isGoalsOnly: values.goals,
      record,
      works: only,
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

async function head(startedAt: Date, rounds: number, loadBefore: string): Promise<string> {
  return [
    `- Begun on ${startedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    ...(await describeMachine()).map((line) => `- ${line}`),
    `- ${rounds} rounds. Figures are medians of the rounds; "lost" and "memory" are maxima. In each round, each server is`,
    '  started, warmed up with similar work, measured, and stopped, one after the other. Servers use the first half of',
    '  the cores and load programs the other half, both with a higher priority than other processes (nice -15). Peers',
    '  log as little as possible; slipway logs with its default level, one line for each request that is not repeated.',
    `- Load average before the run: ${loadBefore}. Above 0.5, other programs affected the figures, mainly those of images,`,
    '  which depend on memory bandwidth.',
  ].join('\n')
}
