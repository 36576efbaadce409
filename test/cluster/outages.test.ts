import t from 'tap'
import type { Problem } from '../../src/cluster/codes.ts'
import { createOutages } from '../../src/cluster/session.ts'
import { fakeClock } from '../support/fake-clock.ts'

const unreachable = (sentence: string): Problem => ({ code: 'cluster.unreachable', sentence })

function rig() {
  const lines: string[] = []
  const clock = fakeClock()
  const outages = createOutages('c1', clock, {
    warn: ({ cluster, reason }, message) =>
      void lines.push(`${cluster as string}: ${message}: ${reason as string}`),
    info: ({ cluster }, message) => void lines.push(`${cluster as string}: ${message}`),
  })
  return { lines, clock, outages }
}

const refused = 'c1: cluster API unreachable: refused'
const again = 'c1: cluster API reachable again'

t.test('logs a reason of several sources once, and the end of the last one once', (t) => {
  const { lines, outages } = rig()
  outages.end('a')
  outages.report('a', unreachable('refused'))
  outages.report('b', unreachable('refused'))
  outages.report('a', unreachable('refused'))
  t.same(lines, [refused])
  t.same([outages.get('a')?.sentence, outages.get('b')?.sentence], ['refused', 'refused'])
  outages.end('a')
  t.same([outages.get('a'), lines.length], [undefined, 1])
  outages.end('b')
  t.same(lines, [refused, again])
  outages.report('b', unreachable('refused'))
  t.same(lines, [refused, again, refused])
  t.end()
})

t.test('logs each reason of an outage once', (t) => {
  const { lines, outages } = rig()
  for (const sentence of ['refused', 'no response', 'refused', 'no response'])
    outages.report('a', unreachable(sentence))
  t.same(lines, [refused, 'c1: cluster API unreachable: no response'])
  t.equal(outages.get('a')?.sentence, 'no response')
  t.end()
})

t.test('a source that never recovers does not hide the next outage', (t) => {
  const { lines, outages } = rig()
  outages.report('b', unreachable('forbidden'))
  for (const source of ['a', 'b']) outages.report(source, unreachable('refused'))
  outages.end('a')
  outages.report('b', unreachable('forbidden'))
  outages.report('a', unreachable('refused'))
  const forbidden = 'c1: cluster API unreachable: forbidden'
  t.same(lines, [forbidden, refused, forbidden, refused], 'once for each outage')
  t.end()
})

t.test('a source that is no longer read does not prolong the outage', (t) => {
  const { lines, outages } = rig()
  for (const source of ['a', 'b']) outages.report(source, unreachable('refused'))
  outages.drop('b')
  outages.end('a')
  t.same(lines, [refused, again])
  t.end()
})

t.test('an outage keeps its start when the reason changes, and the first source is the outage', (t) => {
  const { outages, clock } = rig()
  t.equal(outages.get(), undefined)
  clock.advance(5)
  outages.report('a', unreachable('refused'))
  clock.advance(5)
  outages.report('b', unreachable('forbidden'))
  outages.report('a', unreachable('no response'))
  t.same(outages.get('a'), { ...unreachable('no response'), sinceMs: 5 })
  t.same(outages.get(), { ...unreachable('no response'), sinceMs: 5 })
  t.same(outages.get('b'), { ...unreachable('forbidden'), sinceMs: 10 })
  t.end()
})
