/** What becomes of a node's installation when the site gives it another role. */
import t from 'tap'
import { advance, begin, type Event, type State } from '../../src/install/machine.ts'
import type { IgnitionKind } from '../../src/plan/facts.ts'
import { installPlan } from '../support/installs.ts'

const m1 = installPlan().get('ocp45/m1')!
const boot: Event = { kind: 'boot', role: 'master', isChosen: false, tokenHash: 'hash' }
const failed: Event = { kind: 'callback', stage: 'failed' }
const installed: Event[] = [boot, { kind: 'delivered' }, { kind: 'callback', stage: 'written' }]
const role = (name: IgnitionKind): Event => ({ kind: 'declared', node: { ...m1, role: name } })
const bootstrap = begin({ ...m1, role: 'bootstrap' })

/** As it was kept before roles were. */
const old: State = { ...begin(m1) }
Reflect.deleteProperty(old, 'role')

const cases: readonly { name: string; from: State; steps: readonly Event[]; mode: State['mode'] }[] = [
  {
    name: 'a bootstrap that becomes a worker is begun anew: nobody needs what is on its disk',
    from: bootstrap,
    steps: [...installed, role('bootstrap'), role('worker')],
    mode: 'install',
  },
  {
    name: 'so is one that failed',
    from: bootstrap,
    steps: [boot, failed, role('master')],
    mode: 'install',
  },
  {
    name: 'a master that becomes a worker keeps its system until a person says otherwise',
    from: begin(m1),
    steps: [...installed, role('worker'), role('master')],
    mode: 'installed',
  },
  {
    name: 'a node that becomes the bootstrap keeps its system too',
    from: begin(m1),
    steps: [...installed, role('bootstrap')],
    mode: 'installed',
  },
  {
    name: 'what was kept before roles were says nothing of them',
    from: old,
    steps: [...installed, role('worker')],
    mode: 'installed',
  },
  {
    name: 'and from then on it does',
    from: old,
    steps: [...installed, role('bootstrap'), role('worker')],
    mode: 'install',
  },
]

for (const { name, from, steps, mode } of cases) {
  t.test(name, (t) => {
    const end = steps.reduce((state, step) => advance(state, step, 1_000_000), from)
    t.equal(end.mode, mode)
    t.end()
  })
}
