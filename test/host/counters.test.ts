import t from 'tap'
import { Counters } from '../../src/host/counters.ts'

t.test('counts are returned by name and sorted', (t) => {
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

t.test('refusals are counted by code, apart from the other counts', (t) => {
  const counters = new Counters()
  counters.refuse('dns.no-resolver')
  counters.refuse('dns.client-not-allowed')
  counters.refuse('dns.no-resolver')
  t.same(Object.entries(counters.refusals()), [
    ['dns.client-not-allowed', 1],
    ['dns.no-resolver', 2],
  ])
  t.same(counters.snapshot(), {})
  t.end()
})
