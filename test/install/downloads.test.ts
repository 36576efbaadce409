import t from 'tap'
import { createDownloads } from '../../src/install/downloads.ts'
import type { Seen } from '../../src/install/observation.ts'
import { fakeClock } from '../support/fake-clock.ts'

t.test('a client that requests single bytes in any order adds no ranges without bound', (t) => {
  const reports: Seen[] = []
  const downloads = createDownloads({ observe: (seen) => reports.push(seen), clock: fakeClock() })
  const about = { node: 'ocp45/w1', what: 'kernel', file: 'kernel', dir: '/images', sent: () => 1 } as const
  for (let from = 3000; from > 0; from -= 3) {
    downloads.start({ ...about, from, to: from + 1, total: 4000 }).end(1, true)
  }
  t.match(reports.at(-1), { kind: 'file', outcome: 'aborted', octets: 64 }, 'the bytes of 64 ranges')
  t.end()
})

t.test('a download is reported at its start, each second, and at its end', (t) => {
  const reports: Seen[] = []
  const clock = fakeClock()
  const downloads = createDownloads({ observe: (seen) => reports.push(seen), clock })
  let sent = 0
  const about = {
    node: 'ocp45/w1',
    what: 'kernel',
    file: 'kernel',
    dir: '/images',
    sent: () => sent,
  } as const
  const download = downloads.start({ ...about, from: 0, to: 4000, total: 4000 })
  for (const octets of [1000, 2500]) {
    sent = octets
    clock.advance(1000)
  }
  download.end(4000, false)
  t.match(reports, [
    { outcome: 'begun', octets: 0, durationMs: 0 },
    { outcome: 'under-way', octets: 1000, durationMs: 1000 },
    { outcome: 'under-way', octets: 2500, durationMs: 2000 },
    { outcome: 'sent', octets: 4000, durationMs: 2000 },
  ])
  t.equal(reports.length, 4)
  t.equal(clock.pending(), 0)
  t.end()
})
