import t from 'tap'
import type { Sample } from '../../bench/attacks/probe.ts'
import {
  delaysOf,
  during,
  formatRows,
  medianRow,
  missedGoals,
  recoveryMs,
  type Row,
} from '../../bench/attacks/results.ts'

const flood = { startedAt: 1000, endedAt: 7000, sent: 30_000 }
const from = (start: number, end: number, delayMs: number | null): Sample[] =>
  Array.from({ length: (end - start) / 10 }, (_, index) => [start + index * 10, delayMs])
const row = (dns: readonly Sample[], memoryMiB = 10): Row => ({
  attack: 'dns-unused-addresses',
  server: 'slipway',
  flood,
  memoryMiB,
  refused: 7,
  samples: { dns, dhcp: from(0, 11_000, 1) },
})

t.test('only requests during the attack count for its delays, and a lost one has no end', (t) => {
  const samples = [
    ...from(0, 1000, 900),
    ...from(1000, 6990, 2),
    [6995, null] as const,
    ...from(7000, 8000, 900),
  ]
  t.match(delaysOf(during(flood, samples)), { p50: 2, p99: 2, max: Infinity, lost: 1 })
  t.match(delaysOf([]), { p99: Infinity })
  t.end()
})

t.test('a server has recovered when all requests of half a second are answered in time', (t) => {
  t.equal(recoveryMs(flood, [...from(0, 7000, null), ...from(7010, 11_000, 1)]), 10)
  const slow = [...from(7010, 7300, 1), ...from(7300, 9000, 60), ...from(9000, 11_000, 50)]
  t.equal(recoveryMs(flood, slow), 2000, 'a pause without requests that are slow is not the end')
  t.equal(recoveryMs(flood, from(7010, 11_000, null)), Infinity)
  t.end()
})

t.test('the median round is the one with the median delay', (t) => {
  const rounds = [80, null, 1].map((delay) => row(from(0, 11_000, delay)))
  t.equal(medianRow(rounds), rounds[0])
  t.equal(medianRow(rounds.slice(0, 2)), rounds[0])
  t.end()
})

t.test('each missed goal is named', (t) => {
  t.same(missedGoals(row(from(0, 11_000, 1))), [])
  t.same(missedGoals(row([...from(0, 7000, 80), ...from(7000, 9000, null), ...from(9000, 11_000, 1)], 301)), [
    'dns p99 80.0 ms',
    'dns recovery 2000 ms',
    'memory 301 MiB',
  ])
  t.end()
})

t.test('a row shows delays and losses, and nothing for a protocol that was not measured', (t) => {
  const lines = formatRows([row([...from(1000, 6990, 1.25), [6995, null]])]).split('\n')
  t.match(
    lines[2]?.replaceAll(/ +/g, ' '),
    '| dns-unused-addresses | slipway | 5000 | 1.3 / 1.3 / –, 1 of 590 lost | 1.0 / 1.0 / 1.0 | | | not in 4 s | 10 | 7 |',
  )
  t.end()
})
