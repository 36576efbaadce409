/** How slipway grows with its site: compilation, start, reload, memory, and lookups at several numbers of nodes and clusters. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../../test/e2e/process.ts'
import { clientAddress, type Network } from '../network.ts'
import type { Section } from '../report.ts'
import { firstStart, measureReloads, measureStart, type Start, type Tested } from '../restart.ts'
import { createNodes, domain, writeSite, type Files } from '../site.ts'
import { ownCheckout, prepareCheckout } from '../slipway.ts'
import { median } from '../statistics.ts'
import { formatFigure } from '../table.ts'
import type { PlanFigures } from './plan-probe.ts'
import { plotFigures } from './plot.ts'
import { formatScaling, minNodes, scalingGoals, type Point } from './scaling-report.ts'

const sizes = [
  ...[10, 100, minNodes, 5000, 20_000].map((nodes) => ({ nodes, clusters: 1 })),
  ...[10, 100].map((clusters) => ({ nodes: minNodes, clusters })),
]
const starts = 3
const reloads = 3
const title = 'Scaling with nodes and clusters'
const plotName = 'scaling.svg'

/** Measures all sizes once: the figures are medians of several starts, reloads, and compilations. */
export async function measureScaling(network: Network, files: Files): Promise<Section> {
  const points: Point[] = []
  for (const size of sizes) {
    const point = await measure(network, files, size)
    points.push(point)
    const { figures } = point
    const texts = Object.entries(figures).map(([name, value]) => `${name} ${formatFigure(value)}`)
    console.log(`scaling  ${size.nodes} nodes, ${size.clusters} clusters  ${texts.join(', ')}`)
  }
  const plot = plotFigures([
    {
      title: 'Growth with the number of nodes, one cluster',
      axis: 'nodes',
      sizeOf: ({ nodes }) => nodes,
      points: points.filter(({ clusters }) => clusters === 1),
      boundFrom: minNodes,
    },
    {
      title: `Growth with the number of clusters, ${minNodes.toLocaleString('en-US')} nodes`,
      axis: 'clusters',
      sizeOf: ({ clusters }) => clusters,
      points: points.filter(({ nodes }) => nodes === minNodes),
    },
  ])
  return {
    title,
    text: `${formatScaling(points)}\n\n![${title}](results/${plotName})`,
    goals: scalingGoals(title, points),
    attachment: { name: plotName, text: plot },
  }
}

async function measure(
  network: Network,
  files: Files,
  { nodes, clusters }: Pick<Point, 'nodes' | 'clusters'>,
): Promise<Point> {
  const own = { ...files, dir: join(files.dir, `scaling-${nodes}-${clusters}`) }
  await mkdir(own.dir, { recursive: true })
  await writeSite(own, { declared: createNodes(nodes), clusters })
  await prepareCheckout(ownCheckout, own.dir)
  const tested: Tested = { version: 'slipway', checkout: ownCheckout, nodes, files: own }
  const plan = await measurePlan(network, own, Math.ceil(nodes / clusters))
  // The first start creates the state and the compile cache.
  await firstStart(network, tested)
  const measured: Start[] = []
  for (let time = 0; time < starts; time++) measured.push(await measureStart(network, tested))
  const reload = await measureReloads(network, tested, reloads)
  return {
    nodes,
    clusters,
    figures: {
      ...plan,
      startMs: median(measured.map(({ answeredMs }) => answeredMs)),
      reloadMs: reload.reloadMs,
      memoryMiB: median(measured.map((start) => start.memoryMiB)),
    },
  }
}

async function measurePlan(network: Network, { dir }: Files, nodesOfCluster: number): Promise<PlanFigures> {
  const program = join(import.meta.dirname, 'plan-probe.ts')
  const site = join(dir, 'site.yaml')
  const command = [process.execPath, program, site, domain, clientAddress(0), `${nodesOfCluster}`]
  return JSON.parse(await output(network.onServer(...command), { limitMs: 120_000 })) as PlanFigures
}
