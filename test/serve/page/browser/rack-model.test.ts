import t from 'tap'
import {
  clusterOf,
  distinct,
  filtersOf,
  nameOf,
  noFilters,
  ownersOf,
  queryOf,
  rackRow,
  shownNodes,
  stateChoices,
} from '../../../../src/serve/page/browser/rack-model.ts'
import { applyOrder, applyRows, createState } from '../../../../src/serve/page/browser/state.ts'
import { now, sampleReports } from '../../../support/sample-nodes.ts'

const state = createState()
const nodes = sampleReports().list()
applyRows(state, nodes)
applyOrder(state, [...nodes.map(({ node }) => node), 'ocp45/new'])

const shown = (filters: Partial<typeof noFilters>) =>
  shownNodes(state, { ...noFilters, ...filters }).map(({ node }) => nameOf(node))

t.test('nodes that need attention come first; the others keep the order of the site file', (t) => {
  t.same(shown({}), ['m1', 'w1', 'w2', 'm2', 'm3', 'bs', 'i1'])
  t.end()
})

t.test('a machine belongs to a cluster, or with an operating system as its role to a group', (t) => {
  const rack = createState()
  const [first] = nodes
  const machine = { ...first!, node: 'web/web1', role: 'debian' as const }
  applyRows(rack, [...nodes, machine])
  applyOrder(rack, [...nodes.map(({ node }) => node), 'web/web1', 'web/web2', 'other/new'])
  t.same(ownersOf(rack), { clusters: ['ocp45'], groups: ['web'] })
  t.end()
})

t.test('filters select by cluster, role, state, and text', (t) => {
  t.same(shown({ role: 'worker' }), ['w1', 'w2'])
  t.same(shown({ state: 'problem' }), ['m1', 'w1', 'w2'])
  t.same(shown({ state: 'installed' }), ['bs'])
  t.same(shown({ cluster: 'ocp46' }), [])
  t.same(shown({ text: '172.16.0.12' }), ['m1'])
  t.same(shown({ text: 'OCP45/M3' }), ['m3'])
  t.end()
})

t.test('filters are part of the address of the page', (t) => {
  const filters = { ...noFilters, state: 'problem', role: 'worker' } as const
  t.equal(queryOf(filters), 'role=worker&state=problem')
  t.same(filtersOf(queryOf(filters)), filters)
  t.same(filtersOf('state=installing').state, 'installing')
  t.same(filtersOf('state=unknown'), noFilters)
  t.end()
})

t.test('each state that nodes have is a choice, with their number', (t) => {
  t.same(
    stateChoices(state, noFilters).map(({ title, count }) => `${count} ${title}`),
    ['7 all', '3 with a problem', '3 armed', '2 installing', '1 installed', '1 failed'],
  )
  t.same(
    stateChoices(state, { ...noFilters, role: 'infra', state: 'failed' }).map(({ title }) => title),
    ['all', 'armed', 'failed'],
    'the selected state stays a choice',
  )
  t.same(
    distinct(state, ({ node }) => clusterOf(node)),
    ['ocp45'],
  )
  t.end()
})

t.test('a row has the sentences of the command line, and changes only if they change', (t) => {
  const node = (name: string) => state.nodes.get(`ocp45/${name}`)!
  const row = rackRow(node('m1'), now)
  t.match(row, { state: 'installing 80 s', now: /^rootfs 43 %/, seen: '62 s ago', progress: 450 / 1024 })
  t.equal(rackRow(node('m1'), now).signature, row.signature)
  t.not(rackRow(node('m1'), now + 60_000).signature, row.signature)
  t.match(rackRow(node('i1'), now), { now: 'never seen', seen: 'never', progress: undefined })
  t.match(rackRow(node('bs'), now), { seen: /ago$/, progress: undefined })
  t.match(rackRow({ ...node('bs'), lastSeen: now - 2000 }, now), { seen: 'now' })
  t.end()
})
