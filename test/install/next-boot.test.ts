import t from 'tap'
import type { NodeRecord } from '../../src/install/installs.ts'
import { withNextBoots } from '../../src/install/next-boot.ts'
import type { Change } from '../../src/plan/changes/change.ts'
import { compileInstall, type InstallNode } from '../../src/plan/install.ts'
import { installPlan, installsWorld } from '../support/installs.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

const conditional = {
  code: 'plan.node-installs',
  text: 'a machine that slipway has not seen in use is installed',
} as const
const record = (node: string, more: Partial<NodeRecord>): NodeRecord => {
  return { node, mode: 'installed', since: 0, reason: 'its disk is written', ...more }
}

/** Returns the details and effects of w1 after a change from one record to another. */
function nextBootOf(
  was: Partial<NodeRecord> | undefined,
  is: Partial<NodeRecord>,
  { wipe = 'ask', effects = [conditional] as Change['effects'] } = {},
) {
  const model = exampleModel({ ...exampleSite(), wipe } as ReturnType<typeof exampleSite>)
  const item: Change = { action: 'change', kind: 'node', name: 'ocp45/w1', details: [], effects }
  const host: Change = { action: 'add', kind: 'host', name: 'ns1', details: [], effects: [] }
  const gone: Change = { ...item, action: 'remove', name: 'ocp45/w9' }
  const { items } = withNextBoots(
    { items: [item, host, gone], restart: [] },
    { install: compileInstall(model), nodes: model.nodes },
    {
      list: () => (was === undefined ? [] : [record('ocp45/w1', was)]),
      previewRecord: ({ key }) => record(key, is),
    },
  )
  t.same(items.slice(1), [host, gone], 'other changes stay as they are')
  const { details = [], effects: after = [] } = items[0] ?? {}
  return [
    ...details.map(({ label, before = '', after: to = '' }) => `${label}: ${before} -> ${to}`),
    ...after.map(({ code, text }) => `${code}: ${text}`),
  ]
}

t.test('a node whose next boot installs it: whether its disk is erased', (t) => {
  const change = 'next boot: its disk -> the installation'
  t.same(nextBootOf({ mode: 'local' }, { mode: 'install' }), [
    change,
    'plan.node-installs: its next network boot installs it on /dev/sda, unless that disk holds data',
  ])
  const erases = 'plan.node-installs: its next network boot installs it and ERASES /dev/sda'
  t.same(nextBootOf({ mode: 'local' }, { mode: 'install' }, { wipe: 'always' }), [change, erases])
  t.same(nextBootOf({ mode: 'local' }, { mode: 'install', armedUntil: 1 }), [change, erases])
  t.same(nextBootOf(undefined, { mode: 'install' }), [
    'next boot:  -> the installation',
    'plan.node-installs: its next network boot installs it on /dev/sda, unless that disk holds data',
  ])
  t.end()
})

t.test('a node whose disk nothing checks: the record replaces what the files say', (t) => {
  const effects = [{ code: 'plan.node-not-installed', text: 'nothing looks at its disk' }] as const
  t.same(nextBootOf({ mode: 'install' }, { mode: 'local', reason: 'it is not armed' }, { effects }), [
    'next boot: the installation -> its disk',
    'plan.node-not-installed: its next network boot leads to its disk: it is not armed',
  ])
  t.end()
})

t.test('a node whose installation record prevents its installation', (t) => {
  t.same(nextBootOf({ mode: 'installed' }, { mode: 'installed' }), [
    'plan.node-not-installed: its next network boot leads to its disk: its disk is written',
  ])
  t.same(
    nextBootOf(
      { mode: 'install' },
      { mode: 'local', reason: 'the site file sets boot: local' },
      { effects: [] },
    ),
    [
      'next boot: the installation -> its disk',
      'plan.node-not-installed: its next network boot leads to its disk: the site file sets boot: local',
    ],
  )
  t.end()
})

t.test('a node whose next boot stays the same', (t) => {
  t.same(nextBootOf({ mode: 'install' }, { mode: 'install' }), [], 'it was and is installed')
  const other = [{ code: 'plan.next-installation', text: 'an installed system does not change' }] as const
  t.same(nextBootOf({ mode: 'installed' }, { mode: 'installed' }, { effects: other }), [
    'plan.next-installation: an installed system does not change',
  ])
  t.end()
})

t.test('the record of a node decides, and a preview has no effect', async (t) => {
  const boot = (value: string) =>
    installPlan((site) => void Object.assign(site.clusters[0]?.nodes[1] ?? {}, { boot: value }))
  const { installs, world } = installsWorld()
  const key = 'ocp45/m1'
  const preview = (value: string) => installs.previewRecord(boot(value).get(key) as InstallNode)
  t.match(preview('local'), { mode: 'local', reason: 'the site file sets boot: local' })
  t.match(installs.list()[1], { mode: 'install' })
  // A node of a cluster is not installed by a change of the site file.
  installs.observe({ node: key, kind: 'cluster', word: 'ready' })
  world.plan = boot('local')
  installs.declare()
  t.match(preview('install'), { mode: 'local', code: 'install.in-cluster' })
  await installs.command(key, 'forget')
  t.match(preview('install'), { mode: 'install' })
  t.match(installs.list()[1], { mode: 'local' })
  installs.close()
})

t.test('records are not read if no node changes', (t) => {
  const fail = () => {
    throw new Error('read')
  }
  const changes = { items: [], restart: [] }
  t.equal(
    withNextBoots(changes, { install: new Map(), nodes: [] }, { list: fail, previewRecord: fail }),
    changes,
  )
  t.end()
})
