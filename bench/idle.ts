/** slipway without requests: its processor time and its memory. */
import { setTimeout as sleep } from 'node:timers/promises'
import { maximum } from './goals.ts'
import type { Network } from './network.ts'
import type { Section } from './report.ts'
import { startServer } from './servers.ts'
import { nodes, type Files } from './site.ts'
import { slipway } from './slipway.ts'
import { median } from './statistics.ts'
import { formatFigure, formatTable } from './table.ts'

type Idle = { readonly percent: number; readonly memoryMiB: number; readonly shareMiB: number }

const settleMs = 5000
const seconds = 20
const title = `Idle, ${nodes.length.toLocaleString('en-US')} nodes, ${seconds} s without a request`

export async function measureIdle(network: Network, files: Files, rounds: number): Promise<Section> {
  await slipway.prepare?.(files)
  const all: Idle[] = []
  for (let round = 0; round < rounds; round++) {
    const idle = await measure(network, files)
    all.push(idle)
    console.log(
      `idle     round ${round + 1}  ${formatFigure(idle.percent)} % of a core, ${formatFigure(idle.memoryMiB)} MiB, share ${formatFigure(idle.shareMiB)} MiB`,
    )
  }
  const percent = median(all.map((each) => each.percent))
  const memory = median(all.map((each) => each.memoryMiB))
  const share = median(all.map((each) => each.shareMiB))
  const header = ['% of a core, median', 'resident memory MiB', 'share MiB']
  const table = formatTable([header, [percent, memory, share].map(formatFigure)], [0, 1, 2])
  const note =
    'The share counts a page that several processes use only partly: here the program file of Node.js, which the benchmark also runs.'
  return {
    title,
    text: `${table}\n\n${note}`,
    goals: [
      maximum(title, percent, { unit: '% of a core', max: 0.5 }),
      maximum(title, memory, { unit: 'MiB', max: 90 }),
    ],
  }
}

async function measure(network: Network, files: Files): Promise<Idle> {
  const server = await startServer(network, slipway, { transport: 'tcp', number: 80 }, files)
  try {
    await sleep(settleMs)
    const before = await server.processorSeconds()
    await sleep(seconds * 1000)
    const used = (await server.processorSeconds()) - before
    const [memoryMiB, shareMiB] = [await server.memoryMiB('VmRSS'), await server.memoryMiB('Pss')]
    return { percent: (100 * used) / seconds, memoryMiB, shareMiB }
  } finally {
    await server.stop()
  }
}
