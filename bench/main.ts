/**
 * Our services beside those of the field: same questions, same cores, one after the other in every round.
 * Started by bench/run, which sees to the packages.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Contender, Contest, Measurement, Result } from './contest.ts'
import { dhcp } from './dhcp.ts'
import { dns } from './dns.ts'
import { images, scripts } from './http.ts'
import { describeMachine, loadAverage } from './machine.ts'
import { createNetwork, type Network } from './network.ts'
import { ours } from './ours.ts'
import { formatResults, formatStandings, formatStorm, stormTitle, type Standing } from './report.ts'
import { startServer } from './servers.ts'
import { image, type Files } from './site.ts'
import { storm, type Delays } from './storm.ts'
import { formatFigure } from './table.ts'
import { tftp } from './tftp.ts'

const usage = `usage: bench/run [--rounds N] [--only WORK]

Measures slipway and the servers of the field side by side. Needs root.

  --rounds N    3 by default, which take about seven minutes; figures are the median
  --only WORK   dns, dhcp, tftp, images, scripts or storm; may be given more than once.
                bench/results.md is only written when all of them were run.`

const contests: readonly Contest[] = [dns, dhcp, tftp, images, scripts]
const workDir = join(import.meta.dirname, '.work')
const resultsPath = join(import.meta.dirname, 'results.md')

process.exitCode = await main()

async function main(): Promise<number> {
  const options = readArguments()
  if (typeof options === 'number') return options
  const { rounds, wants } = options
  const startedAt = new Date()
  const loadBefore = loadAverage()
  const files = await makeFolders()
  for (const contest of contests) await contest.prepare?.(files)
  const network = await createNetwork()
  const interrupt = (): void => void network.close().finally(() => process.exit(130))
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  try {
    const standings: Standing[] = []
    for (const contest of contests.filter(({ key }) => wants(key))) {
      standings.push(await hold(contest, network, files, rounds))
    }
    const storms = wants('storm') ? await holdStorms(network, files, rounds) : []
    const text = [
      formatStandings(standings, storms),
      ...standings.map((standing) => `## ${standing.contest.title}\n\n${formatResults(standing)}`),
      ...(storms.length === 0 ? [] : [`## ${stormTitle}\n\n${formatStorm(storms)}`]),
    ].join('\n\n')
    console.log(`\n${text}`)
    if (standings.length === contests.length && storms.length > 0) {
      await writeFile(resultsPath, `${await head(startedAt, rounds, loadBefore)}\n\n${text}\n`)
    }
    return 0
  } finally {
    await network.close()
  }
}

function readArguments(): { rounds: number; wants: (key: string) => boolean } | number {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '3' },
        only: { type: 'string', multiple: true, default: [] },
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
    const known = [...contests.map(({ key }) => key), 'storm']
    const unknown = values.only.find((key) => !known.includes(key))
    if (unknown !== undefined) throw new Error(`--only ${unknown}: expected ${known.join(', ')}`)
    return { rounds, wants: (key) => values.only.length === 0 || values.only.includes(key) }
  } catch (error) {
    console.error(`bench: ${(error as Error).message}\n${usage}`)
    return 2
  }
}

async function makeFolders(): Promise<Files> {
  const dir = join(workDir, 'run')
  await rm(dir, { recursive: true, force: true })
  const web = join(dir, 'web')
  const files = { dir, web, images: join(web, 'images', image), tftpRoot: join(dir, 'tftp') }
  for (const each of [files.images, files.tftpRoot]) await mkdir(each, { recursive: true })
  return files
}

/** All rounds of one contest. In each round every contender has its turn, and the first turn goes round. */
async function hold(contest: Contest, network: Network, files: Files, rounds: number): Promise<Standing> {
  const contenders = [ours, ...contest.peers]
  const measured = contenders.map((contender) => ({ contender, turns: [] as Turn[] }))
  for (const contender of contenders) await contender.prepare?.(files)
  for (let round = 0; round < rounds; round++) {
    const first = round % measured.length
    for (const { contender, turns } of [...measured.slice(first), ...measured.slice(0, first)]) {
      const turn = await twice(() => take(contest, contender, network, files))
      turns.push(turn)
      console.log(
        `${contest.key.padEnd(8)} round ${round + 1}  ${contender.name.padEnd(10)} ${formatFigure(turn.value)} ${contest.unit}, ${formatFigure(turn.microseconds)} µs per ${contest.work}`,
      )
    }
  }
  const [own, ...peers] = measured.map(({ contender, turns }) => resultOf(contender.name, turns))
  return { contest, ours: own as Result, peers }
}

/** A turn that fails, on a machine that was busy with something else at that moment, is taken once more. */
async function twice<Result>(take: () => Promise<Result>): Promise<Result> {
  try {
    return await take()
  } catch (error) {
    console.log(`once more, after: ${(error as Error).message}`)
    return take()
  }
}

type Turn = Measurement & {
  readonly microseconds: number
  readonly busyPercent: number
  readonly memoryMiB: number
}

async function take(contest: Contest, contender: Contender, network: Network, files: Files): Promise<Turn> {
  const server = await startServer(network, contender, contest.port, files)
  try {
    await contest.warmUp(network, files)
    const [before, startedAt] = [await server.processorSeconds(), performance.now()]
    const measurement = await contest.measure(network, files)
    const used = (await server.processorSeconds()) - before
    const seconds = (performance.now() - startedAt) / 1000
    return {
      ...measurement,
      microseconds: (used * 1e6) / measurement.done,
      busyPercent: (100 * used) / (seconds * network.serverCores),
      memoryMiB: await server.memoryMiB(),
    }
  } catch (error) {
    throw new Error(`${contest.key}, ${contender.name}: ${(error as Error).message}`, { cause: error })
  } finally {
    await server.stop()
  }
}

function resultOf(name: string, turns: readonly Turn[]): Result {
  return {
    name,
    values: turns.map(({ value }) => value),
    lostPercent: Math.max(...turns.map(({ lostPercent = 0 }) => lostPercent)),
    microseconds: turns.map(({ microseconds }) => microseconds),
    busyPercent: turns.map(({ busyPercent }) => busyPercent),
    memoryMiB: Math.max(...turns.map(({ memoryMiB }) => memoryMiB)),
  }
}

async function holdStorms(network: Network, files: Files, rounds: number): Promise<(readonly Delays[])[]> {
  const all: (readonly Delays[])[] = []
  await ours.prepare?.(files)
  for (let round = 0; round < rounds; round++) {
    const delays = await twice(() => takeStorm(network, files))
    all.push(delays)
    for (const { name, p50, p99, lostPercent } of delays) {
      console.log(
        `storm    round ${round + 1}  ${name.padEnd(10)} ${formatFigure(p50)} ms median, ${formatFigure(p99)} ms at the 99th percentile, ${lostPercent.toFixed(2)} % lost`,
      )
    }
  }
  return all
}

async function takeStorm(network: Network, files: Files): Promise<readonly Delays[]> {
  const server = await startServer(network, ours, dhcp.port, files)
  try {
    await dns.warmUp(network, files)
    await dhcp.warmUp(network, files)
    return await storm(network, files)
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
    `- ${rounds} rounds; each figure is their median, "lost" and "memory" are the worst. In every round each`,
    '  server is started, warmed up with the same work, measured and stopped, one after the other. Servers have',
    '  the first half of the cores and load programs the other, and both go before all else (nice -15). Peers are',
    '  as quiet as they can be told to be; slipway logs as it does by default, a line for every decision.',
    `- load average before the run: ${loadBefore}. Above 0.5 other programs had a share in the figures: in those of`,
    '  images most of all, for which memory has to be fast.',
    '- what limits slipway, and what native code would give: docs/decisions/0027-performance.md',
    '',
    'A ratio above 1 is in our favour: so many times the rate, or the time divided by so many.',
  ].join('\n')
}
