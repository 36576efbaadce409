import t from 'tap'
import { nowText, stateText, stepDetail } from '../../src/install/step-text.ts'
import type { Step } from '../../src/install/step.ts'

const now = Date.UTC(2026, 10, 21, 11)
const loader: Step = {
  kind: 'loader',
  what: 'efi/snponly.efi',
  outcome: 'aborted',
  startedAt: now - 9000,
  endedAt: now - 5000,
  durationMs: 4000,
  count: 2,
  by: 'tftp',
  sequence: 1,
}

t.test('a state has its duration, or the remaining time of a node that an administrator armed', (t) => {
  const node = { node: 'ocp45/w1', reason: 'an administrator armed it' }
  t.equal(
    stateText({ ...node, mode: 'install', since: now, armedUntil: now + 60_000 }, now),
    'armed, 60 s left',
  )
  t.equal(stateText({ ...node, mode: 'installing', since: now - 180_000 }, now), 'installing 3 min')
  t.equal(stateText({ ...node, mode: 'local', since: 0 }, now), 'local')
  t.end()
})

t.test('a step has its subject, its outcome, and how often and when it happened', (t) => {
  t.equal(stepDetail(loader), 'efi/snponly.efi by TFTP, interrupted')
  t.equal(nowText(loader, now), 'loader efi/snponly.efi twice, interrupted, 5.0 s ago')
  t.equal(nowText(undefined, now), 'never seen')
  t.end()
})

t.test('a script has the protocol by which it was sent', (t) => {
  const script = { ...loader, kind: 'install-script', what: 'worker', outcome: 'done' } as const
  t.equal(stepDetail({ ...script, by: 'https' }), 'installs as worker by HTTPS')
  t.equal(stepDetail({ ...script, by: 'http' }), 'installs as worker by HTTP')
  t.end()
})
