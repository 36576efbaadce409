import t from 'tap'
import { Counters } from '../../src/host/counters.ts'

t.test('counts are by name and come out sorted', (t) => {
  const counters = new Counters()
  counters.increment('tftp.probes')
  counters.increment('dhcp.offers', 2)
  counters.increment('tftp.probes')
  t.equal(counters.get('tftp.probes'), 2)
  t.equal(counters.get('dns.queries'), 0)
  t.same(Object.entries(counters.snapshot()), [
    ['dhcp.offers', 2],
    ['tftp.probes', 2],
  ])
  t.end()
})
