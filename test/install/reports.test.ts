import t from 'tap'
import type { ClusterEvent } from '../../src/install/observation.ts'
import { createReports } from '../../src/install/reports.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { installsWorld } from '../support/installs.ts'
import { memoryInstalls } from '../support/memory-installs.ts'
import { exampleModel } from '../support/model.ts'
import { observedNode } from '../support/observed-node.ts'
import { sampleInstalls, sampleReports } from '../support/sample-nodes.ts'

t.test('every declared node, with its step and its symptom', (t) => {
  const list = sampleReports().list()
  t.same(
    list.map(({ node, step, symptom }) => [node, step?.kind, symptom?.name]),
    [
      ['ocp45/bs', 'started', undefined],
      ['ocp45/m1', 'rootfs', 'download-stalled'],
      ['ocp45/m2', 'wait-script', undefined],
      ['ocp45/m3', 'disk', undefined],
      ['ocp45/w1', 'loader', 'loader-refused'],
      ['ocp45/w2', 'failed', 'gave-up'],
      ['ocp45/i1', undefined, undefined],
    ],
  )
  t.end()
})

t.test('a list in turns of the event loop is the same list', async (t) => {
  const installs = sampleInstalls()
  const nodes = () => exampleModel().nodes
  const reports = createReports({ installs, nodes, clock: fakeClock(), turnMs: 0 })
  let isDone = false
  const list = reports.listInTurns().finally(() => (isDone = true))
  await new Promise(setImmediate)
  t.notOk(isDone, 'other work runs between the nodes')
  t.same(await list, reports.list())
})

t.test('details are the report with its boots, computed again after an observation', (t) => {
  const installs = sampleInstalls()
  const reports = sampleReports(installs)
  t.same(reports.details('ocp45/i1')?.boots, [])
  installs.observe({ node: 'ocp45/i1', kind: 'script', script: 'menu' })
  t.match(reports.details('ocp45/i1')?.boots, [{ steps: [{ kind: 'menu-script' }] }])
  reports.close()
  installs.observe({ node: 'ocp45/i1', kind: 'callback', stage: 'started', client: '' })
  t.match(reports.details('ocp45/i1')?.boots, { length: 1 }, 'closed reports receive no observation')
  t.equal(reports.details('ocp45/x9'), undefined)
  t.end()
})

t.test('a node that is no longer declared is not reported', (t) => {
  const { nodes } = exampleModel()
  const installs = memoryInstalls(['gone/w1', nodes[0]!.key])
  const reports = createReports({ installs, nodes: () => nodes, clock: fakeClock() })
  t.same(
    reports.list().map(({ node }) => node),
    [nodes[0]!.key],
  )
  t.equal(reports.details('gone/w1'), undefined)
  t.end()
})

t.test('a node with a static address needs no DHCP request', (t) => {
  const [model] = exampleModel().nodes
  const life = observedNode(model!.key).pxe().script('local')
  for (const [argument, name] of [
    ['ip=192.0.2.11::192.0.2.1:255.255.255.0:m1:ens3:none', undefined],
    ['ip=ens3:dhcp', 'disk-silent'],
  ] as const) {
    const installs = memoryInstalls([model!.key])
    installs.remember(life.observations)
    const nodes = [{ ...model!, kernelArguments: [argument] }]
    const clock = fakeClock(life.now() + 3_600_000)
    t.equal(createReports({ installs, nodes: () => nodes, clock }).list()[0]?.symptom?.name, name, argument)
  }
  t.end()
})

t.test(
  'a node that is Ready stays so when a certificate is approved, also one that was not seen booting',
  (t) => {
    const { installs, clock } = installsWorld()
    const reports = createReports({ installs, clock, nodes: () => exampleModel().nodes })
    t.teardown(() => reports.close())
    const see = (word: ClusterEvent): void => {
      installs.observe({ node: 'ocp45/w1', kind: 'cluster', word, since: clock.now() })
      clock.advance(60_000)
    }
    const shown = () => reports.list().find(({ node }) => node === 'ocp45/w1')?.step?.kind
    for (const word of ['approved-client', 'registered', 'not-ready', 'approved-serving'] as const) see(word)
    t.equal(shown(), 'approved-serving')
    see('ready')
    t.equal(shown(), 'ready')
    see('approved-serving')
    t.equal(shown(), 'ready', 'a renewal')
    see('not-ready')
    t.equal(shown(), 'not-ready')
    see('approved-client')
    t.equal(shown(), 'approved-client', 'a node that is not Ready')
    t.end()
  },
)
