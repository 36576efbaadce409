/** The tables of starts and reloads. */
import t from 'tap'
import { formatReloads, formatStarts } from '../../bench/restart-report.ts'
import { createNodes } from '../../bench/site.ts'

const start = (version: 'slipway' | 'compared', nodes: number, answeredMs: number) => ({
  version,
  nodes,
  figures: { answeredMs, processorMs: answeredMs, waitedMs: 12, memoryMiB: 150 },
})

const reload = (version: 'slipway' | 'compared', nodes: number, maxDelayMs: number) => ({
  version,
  nodes,
  figures: { reloadMs: 400, maxDelayMs, idleDelayMs: 2, lost: 0, waitedMs: 12, memoryMiB: 150 },
})

t.test('starts are compared by their medians, with the target of 1,000 nodes', (t) => {
  const own = [7, 1000, 5000].flatMap((nodes) => [300, 500, 390].map((ms) => start('slipway', nodes, ms)))
  t.match(formatStarts(own), /1,000 \| +390 \| +500 \| .* \| under 400 ms: met/)
  const compared = [7, 1000, 5000].map((nodes) => start('compared', nodes, 780))
  t.match(formatStarts([...own, ...compared]), /1,000 \| +390 .* 780 \| +2\.00 \|/)
  t.end()
})

t.test('reloads are compared by the latest answer', (t) => {
  const own = [7, 1000, 5000].map((nodes) => reload('slipway', nodes, nodes === 5000 ? 120 : 40))
  const table = formatReloads([...own, ...[7, 1000, 5000].map((nodes) => reload('compared', nodes, 400))])
  t.match(table, /1,000 .* 10\.00 \| under 50 ms: met +\|/)
  t.match(table, /5,000 .* 3\.33 \| under 100 ms: NOT met/)
  t.end()
})

t.test('all nodes of a large site have different addresses and MAC addresses', (t) => {
  const nodes = createNodes(5000)
  t.equal(new Set(nodes.map(({ mac }) => mac)).size, 5000)
  t.equal(new Set(nodes.map(({ address }) => address)).size, 5000)
  t.end()
})
