/** Measures all rounds of starts and reloads, and formats their tables. */
import { maximum, met, type Goal } from './goals.ts'
import type { Network } from './network.ts'
import type { Section } from './report.ts'
import {
  measureReloads,
  measureStart,
  prepareTested,
  reloads,
  sizes,
  type Reload,
  type Start,
  type Tested,
} from './restart.ts'
import type { Files } from './site.ts'
import { median } from './statistics.ts'
import { formatFigure, formatTable } from './table.ts'

export type Rounds<Figures> = readonly (Pick<Tested, 'version' | 'nodes'> & { readonly figures: Figures })[]

type RestartOptions = {
  readonly rounds: number
  readonly isSelected: (key: string) => boolean
  /** Another checkout that is measured in the same rounds. */
  readonly compared: string | undefined
}

/** @returns the sections of the report for the selected works */
export async function measureRestarts(
  network: Network,
  files: Files,
  { rounds, isSelected, compared }: RestartOptions,
): Promise<readonly Section[]> {
  if (!isSelected('start') && !isSelected('reload')) return []
  const tested = await prepareTested(network, files, compared)
  const sections: Section[] = []
  if (isSelected('start')) {
    const starts = await inRounds('start', tested, rounds, (each) => measureStart(network, each))
    sections.push({ title: startTitle, text: formatStarts(starts), goals: startGoals(starts) })
  }
  if (isSelected('reload')) {
    const all = await inRounds('reload', tested, rounds, (each) => measureReloads(network, each))
    sections.push({ title: reloadTitle, text: formatReloads(all), goals: reloadGoals(all) })
  }
  return sections
}

const startTitle = 'Start, until DNS, DHCP, and HTTP have answered'
const reloadTitle = `Reload of a changed site file, ${reloads} in each round`

/** Every second round has the reverse order. */
async function inRounds<Figures extends object>(
  name: string,
  tested: readonly Tested[],
  rounds: number,
  measure: (each: Tested) => Promise<Figures>,
): Promise<Rounds<Figures>> {
  const all: Rounds<Figures>[number][] = []
  for (let round = 0; round < rounds; round++) {
    for (const each of round % 2 === 0 ? tested : tested.toReversed()) {
      const figures = await measure(each)
      const { version, nodes } = each
      all.push({ version, nodes, figures })
      const texts = Object.entries(figures).map(([key, value]) => `${key} ${formatFigure(Number(value))}`)
      console.log(`${name.padEnd(8)} round ${round + 1}  ${version} ${nodes} nodes  ${texts.join(', ')}`)
    }
  }
  return all
}

/** Maximum time until the first answers of a site with so many nodes. */
const startTargets: Readonly<Record<number, number>> = { 1000: 400 }
/** Maximum delay of an answer during a reload. */
const delayTargets: Readonly<Record<number, number>> = { 1000: 50, 5000: 100 }
/** Maximum resident memory after all reloads. */
const memoryTargets: Readonly<Record<number, number>> = { 5000: 350 }

export function startGoals(rounds: Rounds<Start>): Goal[] {
  return goalsFor(startTitle, startTargets, 'ms', (nodes) =>
    median(figuresOf(rounds, nodes).slipway.map(({ answeredMs }) => answeredMs)),
  )
}

export function reloadGoals(rounds: Rounds<Reload>): Goal[] {
  const medianOf = (value: (each: Reload) => number) => (nodes: number) =>
    median(figuresOf(rounds, nodes).slipway.map(value))
  const latest = medianOf(({ maxDelayMs }) => maxDelayMs)
  const memory = medianOf(({ memoryMiB }) => memoryMiB)
  return [
    ...goalsFor(reloadTitle, delayTargets, 'ms', latest, 'latest answer'),
    ...goalsFor(reloadTitle, memoryTargets, 'MiB', memory, 'memory'),
  ]
}

/** @param targets the maximum for each number of nodes */
function goalsFor(
  title: string,
  targets: Readonly<Record<number, number>>,
  unit: string,
  valueOf: (nodes: number) => number,
  name = '',
): Goal[] {
  return Object.entries(targets).map(([nodes, max]) => {
    const of = [`${Number(nodes).toLocaleString('en-US')} nodes:`, name].filter(Boolean).join(' ')
    return maximum(title, valueOf(Number(nodes)), { name: of, unit, max })
  })
}

export function formatStarts(rounds: Rounds<Start>): string {
  const rows = sizes.map((nodes) => {
    const figures = figuresOf(rounds, nodes)
    const { own, ratio } = compare(figures, ({ answeredMs }) => answeredMs)
    return [
      nodes.toLocaleString('en-US'),
      formatFigure(own),
      formatFigure(Math.max(...figures.slipway.map(({ answeredMs }) => answeredMs))),
      formatFigure(median(figures.slipway.map(({ processorMs }) => processorMs))),
      formatFigure(median(figures.slipway.map(({ waitedMs }) => waitedMs))),
      formatFigure(median(figures.slipway.map(({ memoryMiB }) => memoryMiB))),
      ...ratio,
      targetText(own, startTargets[nodes]),
    ]
  })
  const head = [
    'nodes',
    'ms, median',
    'maximum',
    'processor ms',
    'waited ms',
    'memory MiB',
    'compared, ms',
    'ratio',
    'target',
  ]
  return formatTable([head, ...rows], [0, 1, 2, 3, 4, 5, 6, 7])
}

export function formatReloads(rounds: Rounds<Reload>): string {
  const rows = sizes.map((nodes) => {
    const figures = figuresOf(rounds, nodes)
    const { own, ratio } = compare(figures, ({ maxDelayMs }) => maxDelayMs)
    return [
      nodes.toLocaleString('en-US'),
      formatFigure(median(figures.slipway.map(({ reloadMs }) => reloadMs))),
      formatFigure(own),
      formatFigure(Math.max(...figures.slipway.map(({ maxDelayMs }) => maxDelayMs))),
      formatFigure(median(figures.slipway.map(({ idleDelayMs }) => idleDelayMs))),
      String(Math.max(...figures.slipway.map(({ lost }) => lost))),
      formatFigure(median(figures.slipway.map(({ waitedMs }) => waitedMs))),
      formatFigure(median(figures.slipway.map(({ memoryMiB }) => memoryMiB))),
      ...ratio,
      targetText(own, delayTargets[nodes]),
    ]
  })
  const head = [
    ...['nodes', 'reload ms', 'latest answer ms, median', 'maximum', 'without reload', 'lost'],
    ...['waited ms', 'memory MiB', 'compared, latest answer ms', 'ratio', 'target'],
  ]
  return formatTable([head, ...rows], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
}

type Figures<Each> = Readonly<Record<Tested['version'], readonly Each[]>>

function figuresOf<Each>(rounds: Rounds<Each>, of: number): Figures<Each> {
  const select = (name: Tested['version']) =>
    rounds.filter(({ version, nodes }) => version === name && nodes === of).map(({ figures }) => figures)
  return { slipway: select('slipway'), compared: select('compared') }
}

/** Returns the median, and cells with that of the other checkout and how many times shorter ours is. */
function compare<Each>({ slipway, compared }: Figures<Each>, valueOf: (each: Each) => number) {
  const own = median(slipway.map(valueOf))
  if (compared.length === 0) return { own, ratio: ['', ''] }
  const other = median(compared.map(valueOf))
  return { own, ratio: [formatFigure(other), (other / own).toFixed(2)] }
}

function targetText(value: number, max: number | undefined): string {
  return max === undefined ? '' : `under ${max} ms: ${met(value < max)}`
}
