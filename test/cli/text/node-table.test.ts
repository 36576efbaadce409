import t from 'tap'
import { tableLines } from '../../../src/cli/text/node-table.ts'
import { createReports, type NodeReport } from '../../../src/install/reports.ts'
import type { NodeModel } from '../../../src/plan/model.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memoryInstalls } from '../../support/memory-installs.ts'
import { observedNode } from '../../support/observed-node.ts'
import { now, sampleStatus } from '../../support/sample-nodes.ts'

/** Returns nodes that accepted no offer. */
function withoutOffer(...lives: [node: string, requests: number][]): NodeReport[] {
  return lives.map(([node, requests]): NodeReport => {
    const life = observedNode(node, now - 120_000)
    for (let count = 0; count < requests; count++) life.discover('firmware').pass(4000)
    const installs = memoryInstalls([node], () => now)
    installs.remember(life.observations)
    const model = {
      key: node,
      role: 'worker',
      mac: '00:00:5e:00:53:10',
      address: 0xc000020b,
      kernelArguments: [],
    }
    return createReports({
      installs,
      nodes: () => [model] as unknown as readonly NodeModel[],
      clock: fakeClock(now),
    }).list()[0] as NodeReport
  })
}

t.test('a problem of several nodes is shown once below the table', (t) => {
  const lines = tableLines(withoutOffer(['a/w1', 3], ['a/w2', 3], ['a/w3', 3]), now, {
    columns: 80,
    usesColor: false,
  })
  t.match(lines.slice(-12), [
    /^a\/w1 .* {2}! firmware DHCP 3 times, offer not accepted,$/,
    '    2 min ago',
    /^a\/w2 .* {2}! firmware/,
    '    2 min ago',
    /^a\/w3 .* {2}! firmware/,
    '    2 min ago',
    '',
    '! 3 nodes (a/w1, a/w2, a/w3): requested an address as firmware 3 times and',
    '  accepted no offer: another DHCP server answers first, or the offers are lost',
  ])
  t.end()
})

t.test(
  'if nodes with one problem did different things, the text has those of one node as an example',
  (t) => {
    const text = tableLines(withoutOffer(['a/w1', 3], ['a/w2', 5]), now, {
      columns: 200,
      usesColor: false,
    }).join('\n')
    t.match(text, /^! 2 nodes \(a\/w1, a\/w2\): for example, requested an address as firmware 3 times/m)
    t.end()
  },
)

t.test('a wide terminal also shows MAC address, firmware, and last seen', (t) => {
  const [header = ''] = tableLines(sampleStatus().nodes, now, { columns: 140, usesColor: false })
  t.match(header, /^node +role +address +MAC +firmware +last seen +state +now$/)
  const [narrow = ''] = tableLines(sampleStatus().nodes, now, { columns: 139, usesColor: false })
  t.match(narrow, /^node +role +address +state +now$/)
  t.end()
})
