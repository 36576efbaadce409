/** Two versions of a record, and the clocks of two machines. */
import fc from 'fast-check'
import t from 'tap'
import type { Moment } from '../../../src/host/clock.ts'
import { decide } from '../../../src/install/machine.ts'
import { initialState, type AttemptState, type State } from '../../../src/install/machine-state.ts'
import { modes } from '../../../src/install/node-states.ts'
import { createPeerClocks } from '../../../src/install/shared/follower.ts'
import { reconcile, withMoments } from '../../../src/install/shared/layout.ts'
import { installPlan } from '../../support/installs.ts'
import { boot } from '../../support/machine-events.ts'

const m1 = installPlan().get('ocp45/m1')!
const at = (seconds: number, epoch = 'a'): Moment => ({ at: seconds * 1000, tick: seconds * 1000, epoch })
const now = at(10_000)
const blank = initialState(m1)
const started: AttemptState = {
  role: 'master',
  startedAt: 1000,
  earlier: 0,
  startedBy: 'site',
  tokenHash: 'x',
  issued: at(1),
  requests: 1,
  reads: 0,
}
const installing: State = { ...blank, mode: 'installing', since: 1000, attempt: started }

t.test('the progress of the same attempt is merged', (t) => {
  const ours: State = {
    ...installing,
    mode: 'installed',
    reason: 'written',
    wasInstalled: true,
    attempt: { ...started, reads: 1, delivered: at(2), writtenAt: 3000 },
  }
  t.match(reconcile(installing, ours), {
    mode: 'installed',
    wasInstalled: true,
    attempt: { reads: 1, delivered: at(2), writtenAt: 3000 },
  })
  t.same(reconcile(ours, installing), ours)
  t.end()
})

t.test('a later attempt of another appliance, and an arming by an administrator, stay', (t) => {
  const later: State = { ...installing, attempt: { ...started, startedAt: 9000, tokenHash: 'y' } }
  const ours: State = { ...installing, mode: 'installed', wasInstalled: true }
  t.match(reconcile(later, ours), { mode: 'installing', wasInstalled: false, attempt: { tokenHash: 'y' } })
  const armed: State = {
    ...blank,
    mode: 'install',
    since: 9,
    armed: at(9),
    before: { mode: 'local', reason: '' },
  }
  t.match(reconcile(armed, { ...blank, evidence: { inClusterAt: 5 } }), { mode: 'install', armed: at(9) })
  t.end()
})

t.test('a record from before an appliance shared the store replaces an empty one', (t) => {
  const ours: State = { ...installing, mode: 'installed', wasInstalled: true }
  t.same(reconcile(blank, ours), ours)
  t.match(reconcile(ours, blank), { mode: 'installed' })
  t.end()
})

t.test('the later of two Ready conditions counts', (t) => {
  const [early, late] = [5000, 7000].map((readySince): State => ({ ...installing, readySince }))
  t.equal(reconcile(early!, late!).readySince, 7000)
  t.equal(reconcile(late!, early!).readySince, 7000)
  t.equal(reconcile(installing, early!).readySince, 5000)
  t.end()
})

t.test('a merged record permits an installation only where the shared one does', (t) => {
  const seconds = fc.integer({ min: 1, max: 20_000 })
  const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
  const states = fc
    .record({
      mode: fc.constantFrom(...modes),
      wasInstalled: fc.boolean(),
      hasAttempt: fc.boolean(),
      startedAt: fc.constantFrom(1000, 2000),
      delivered: optional(seconds),
      probed: optional(seconds),
      systemSeenAt: optional(seconds),
      armed: optional(seconds),
      inClusterAt: optional(seconds),
      since: seconds,
    })
    .map(({ mode, wasInstalled, hasAttempt, startedAt, since, ...given }): State => {
      const { delivered, probed, systemSeenAt, armed, inClusterAt } = given
      return {
        ...blank,
        mode,
        wasInstalled,
        since,
        ...(armed !== undefined && { armed: at(armed), before: { mode: 'local', reason: '' } }),
        ...(inClusterAt !== undefined && { evidence: { inClusterAt } }),
        ...(hasAttempt && {
          attempt: {
            ...started,
            startedAt,
            ...(delivered !== undefined && { delivered: at(delivered) }),
            ...(probed !== undefined && { probed: at(probed) }),
            ...(systemSeenAt !== undefined && { systemSeenAt }),
          },
        }),
      }
    })
  const installs = (state: State) => ['start', 'resume'].includes(decide(state, boot, now).kind)
  fc.assert(
    fc.property(states, states, (shared, ours) => {
      // The disk was tried, and that only we know: then a failed disk boot may resume the installation.
      fc.pre(shared.attempt?.probed !== undefined || ours.attempt?.probed === undefined)
      if (installs(reconcile(shared, ours)) && !installs(shared)) throw new Error('permits more')
    }),
    { numRuns: 2000 },
  )
  t.pass('held')
  t.end()
})

t.test(
  'times of another appliance are never estimated too late, and are unknown before three messages',
  (t) => {
    const clocks = createPeerClocks('mine')
    const theirs: Moment = { at: 1, tick: 500_000, epoch: 'theirs' }
    t.equal(clocks.toOurs(theirs), theirs)
    for (const delayMs of [900, 20, 400]) clocks.sample({ tick: 600_000, epoch: 'theirs' }, 7_000 + delayMs)
    t.same(clocks.toOurs(theirs), { at: 1, tick: 500_000 - 600_000 + 7_020 - 1000, epoch: 'mine' })
    const own: Moment = { at: 1, tick: 2, epoch: 'mine' }
    t.equal(clocks.toOurs(own), own)
    const state = withMoments({ ...installing, exchange: theirs }, (moment) => ({ ...moment, epoch: 'x' }))
    t.match(state, { exchange: { epoch: 'x' }, attempt: { issued: { epoch: 'x' } } })
    t.end()
  },
)
