import t from 'tap'
import { createThroughput } from '../../../src/serve/page/throughput.ts'
import { fakeClock } from '../../support/fake-clock.ts'

t.test('the counters become rates, for ten minutes', (t) => {
  const clock = fakeClock()
  let counts: Record<string, number> = { 'dns.queries': 7 }
  const throughput = createThroughput(() => counts, clock)
  t.same(throughput.samples(), [])
  counts = { 'dns.queries': 57, 'http.imageOctets': 5000 }
  clock.advance(5000)
  t.match(throughput.samples(), [{ images: 1000, tftp: 0, dns: 10, http: 0 }])
  for (let count = 0; count < 130; count++) clock.advance(5000)
  t.equal(throughput.samples().length, 120)
  throughput.close()
  t.end()
})
