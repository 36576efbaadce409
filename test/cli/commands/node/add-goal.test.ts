import t from 'tap'
import { decideArming, endOf, nextSteps } from '../../../../src/cli/commands/node/add-goal.ts'
import type { MemberReport } from '../../../../src/cluster/report.ts'
import type { Goal } from '../../../../src/cli/node-snapshot.ts'
import type { NodeRecord } from '../../../../src/install/installs.ts'
import type { Mode } from '../../../../src/install/node-states.ts'
import { sightOfJoining } from '../../../support/joining-node.ts'

const now = Date.UTC(2026, 10, 21, 10)
const sight = (record: Partial<NodeRecord>, state?: MemberReport['state']) =>
  sightOfJoining({ record, ...(state === undefined ? {} : { member: { state } }) }, now)

const armings: {
  name: string
  record: Partial<NodeRecord>
  state?: MemberReport['state']
  arming: string
}[] = [
  { name: 'the site arms it', record: { mode: 'install' }, arming: 'continue' },
  { name: 'it is being installed', record: { mode: 'installing', lastSeen: 5 }, arming: 'continue' },
  { name: 'it was installed', record: { mode: 'installed', lastSeen: 5 }, arming: 'continue' },
  {
    name: 'the site sets boot: local, and the machine was never seen',
    record: { mode: 'local' },
    arming: 'arm',
  },
  {
    name: 'the site shows it the menu, its cluster is not heard',
    record: { mode: 'menu' },
    state: 'unknown',
    arming: 'arm',
  },
  {
    name: 'it asked while its entry was being served',
    record: { mode: 'local', lastSeen: now },
    state: 'absent',
    arming: 'arm',
  },
  {
    name: 'it was seen before',
    record: { mode: 'local', reason: 'set by an administrator', lastSeen: now - 1 },
    arming:
      'c1/w2 was seen before, and its boot mode is local (set by an administrator): if slipway can overwrite its disk, run "slipway node install c1/w2"',
  },
  {
    name: 'it was seen before and failed',
    record: { mode: 'failed', lastSeen: 5 },
    arming: 'c1/w2 was seen before, and its boot mode is failed',
  },
  { name: 'its cluster has it', record: { mode: 'local' }, state: 'not-ready', arming: 'continue' },
]
for (const { name, record, state, arming } of armings) {
  t.test(`decides arming: ${name}`, (t) => {
    const decided = decideArming(sight(record, state), now)
    const text = typeof decided === 'string' ? decided : decided.reason
    t.equal(text.slice(0, arming.length), arming)
    t.end()
  })
}

const ends: { mode: Mode; state: MemberReport['state']; goal: Goal; end: string | undefined }[] = [
  { mode: 'install', state: 'ready', goal: 'ready', end: undefined },
  { mode: 'installing', state: 'ready', goal: 'ready', end: undefined },
  { mode: 'installed', state: 'absent', goal: 'installed', end: 'done' },
  { mode: 'installed', state: 'not-ready', goal: 'ready', end: undefined },
  { mode: 'installed', state: 'ready', goal: 'ready', end: 'done' },
  { mode: 'local', state: 'not-ready', goal: 'installed', end: 'done' },
  { mode: 'local', state: 'not-ready', goal: 'ready', end: undefined },
  { mode: 'local', state: 'unknown', goal: 'ready', end: undefined },
  { mode: 'menu', state: 'ready', goal: 'ready', end: 'done' },
  {
    ...{ mode: 'local', state: 'absent', goal: 'installed' },
    end: 'c1/w2 will not be installed: its boot mode is local (the site says so)',
  },
  {
    ...{ mode: 'failed', state: 'unknown', goal: 'installed' },
    end: 'the installation of c1/w2 failed; "slipway node show c1/w2" shows its steps',
  },
]
for (const { mode, state, goal, end } of ends) {
  t.test(`the end of node add: ${mode}, in its cluster ${state}, until ${goal}`, (t) => {
    const ended = endOf(sight({ mode }, state), goal)
    t.equal(typeof ended === 'object' ? ended.reason : ended, end)
    t.end()
  })
}

t.test('prints the next steps', (t) => {
  const { details } = sightOfJoining({ role: 'infra' }, now)
  t.match(nextSteps(details, 'armed')[0], /^power on c1\/w2, with the network before the disk/)
  t.match(nextSteps(details, 'installed')[0], 'slipway csr list')
  t.match(nextSteps({ ...details, role: 'bootstrap' }, 'installed'), [/slipway wait bootstrap-complete/])
  t.match(nextSteps(details, 'ready'), [
    /^to move routers to it, run "oc label node w2\.c1\.example\.net node-role\.kubernetes\.io\/infra="/,
    /^its network boots/,
  ])
  t.match(nextSteps({ ...details, role: 'worker' }, 'ready'), [/^its network boots/])
  t.end()
})
