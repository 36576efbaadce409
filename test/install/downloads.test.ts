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
