/** The cluster's word as evidence: what ends an installation, and what was Ready before it. */
import t from 'tap'
import { advance, begin, rebootTimeoutMs, type Event, type State } from '../../src/install/machine.ts'
import { installPlan } from '../support/installs.ts'

const m1 = installPlan().get('ocp45/m1')!
const start = 1_000_000
const boot: Event = { kind: 'boot', role: 'master', isChosen: false, tokenHash: 'hash' }
const delivered: Event = { kind: 'delivered' }
const callback = (stage: 'written' | 'failed'): Event => ({ kind: 'callback', stage })
/** @param ms after the first event */
const ready = (ms: number): Event => ({ kind: 'ready', since: start + ms })

/** Events, and milliseconds that pass between them. */
const cases: readonly {
  name: string
  steps: readonly (Event | number)[]
  mode: State['mode']
  reason: string
}[] = [
  {
    name: 'the cluster says that it is Ready since its Ignition file was sent: so it is installed',
    steps: [boot, delivered, 300_000, ready(240_000)],
    mode: 'installed',
    reason: 'the cluster says that it is Ready',
  },
  {
    name: 'also when it was sent to its disk before',
    steps: [boot, delivered, 60_000, boot, 300_000, ready(240_000)],
    mode: 'installed',
    reason: 'the cluster says that it is Ready',
  },
  {
    name: 'Ready from before is the system that is being replaced',
    steps: [boot, 5000, delivered, 300_000, ready(5000)],
    mode: 'installing',
    reason: 'its network boot began the installation',
  },
  {
    name: 'Ready before anything was sent says nothing of this installation',
    steps: [boot, 5000, ready(4000)],
    mode: 'installing',
    reason: 'its network boot began the installation',
  },
  {
    name: 'nor does Ready after the attempt before it',
    steps: [boot, delivered, 1, boot, rebootTimeoutMs, boot, 1000, ready(500)],
    mode: 'installing',
    reason: 'its disk did not boot',
  },
  {
    name: 'Ready moves no node that is not being installed',
    steps: [boot, delivered, callback('failed'), 300_000, ready(240_000)],
    mode: 'failed',
    reason: 'its installer reported that it gave up: its console says why',
  },
  {
    name: 'an armed node is not disarmed by its cluster',
    steps: [
      boot,
      delivered,
      callback('written'),
      { kind: 'command', command: 'install' },
      300_000,
      ready(240_000),
    ],
    mode: 'install',
    reason: 'a person said so',
  },
]

for (const { name, steps, mode, reason } of cases) {
  let state = begin(m1)
  let now = start
  for (const step of steps) {
    if (typeof step === 'number') now += step
    else state = advance(state, step, now)
  }
  t.match({ mode: state.mode, reason: state.reason }, { mode, reason }, name)
}
