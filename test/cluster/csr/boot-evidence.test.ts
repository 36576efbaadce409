import t from 'tap'
import { bootEvidenceOf } from '../../../src/cluster/csr/boot-evidence.ts'
import type { Observation, Seen } from '../../../src/install/observation.ts'

const node = 'ocp45/w1'
const minute = 60_000
const dhcp = {
  kind: 'dhcp',
  node,
  asker: 'system',
  message: 'request',
  isFresh: true,
  vendorClass: '',
} as const
const boot: Seen = { ...dhcp, answer: 'acknowledged' }
const ignition = { kind: 'ignition', node, role: 'worker', client: '192.0.2.21:4711', octets: 9 } as const

/** @param seen an observation, and its time in minutes */
function history(...seen: readonly (readonly [seen: Seen, minutes: number])[]): Observation[] {
  return seen.map(([each, minutes], sequence) => ({ ...each, sequence, at: minutes * minute }))
}

t.test('the evidence lasts from the first to the last observation of a boot', (t) => {
  const seen = history(
    [boot, 10],
    [boot, 100],
    [{ ...ignition, outcome: 'sent' }, 110],
    [{ kind: 'callback', node, stage: 'started', client: '192.0.2.21:4712' }, 170],
  )
  t.same(bootEvidenceOf({}, seen), { from: 100 * minute, to: 170 * minute })
  t.same(bootEvidenceOf({ attempt: { role: 'worker', startedAt: 7, earlier: 0 } }, seen), {
    ...{ from: 100 * minute, to: 170 * minute, installedAt: 7 },
  })
  t.end()
})

t.test('an observation that other clients can cause is not evidence', (t) => {
  const rows: readonly Seen[] = [
    { ...dhcp, isFresh: false, answer: 'acknowledged' },
    { ...dhcp, answer: 'refused' },
    { ...ignition, outcome: 'refused' },
    { ...ignition, outcome: 'aborted' },
    { kind: 'script', node, script: 'install', role: 'worker' },
    { kind: 'command', node, command: 'install' },
  ]
  for (const seen of rows) t.equal(bootEvidenceOf({}, history([seen, 1])), undefined, JSON.stringify(seen))
  t.equal(bootEvidenceOf({}, []), undefined)
  t.end()
})
