import fc from 'fast-check'
import t from 'tap'
import { cacheKey, createCache, type CacheLimits, type Found } from '../../../src/serve/dns/cache.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { request, resolver } from './resolver-world.ts'

const found = (lifeSeconds: number, octets = 40): Found => ({
  octets: new Uint8Array(octets),
  rcode: 0,
  hasAlias: false,
  ttlAt: [],
  lifeSeconds,
})

function setUp(limits: Partial<CacheLimits> = {}) {
  const clock = fakeClock()
  const cache = createCache(clock, { entries: 10, octets: 1e6, staleSeconds: 100, ...limits })
  return { clock, cache }
}

t.test('an answer is fresh, then ending, then stale, then removed', (t) => {
  const { clock, cache } = setUp()
  cache.keep('a', found(60))
  const at = (ms: number) => {
    clock.advance(ms - clock.monotonic())
    const kept = cache.look('a')
    return kept && [kept.ageSeconds, kept.isFresh, kept.isEnding]
  }
  t.same(at(0), [0, true, false])
  t.same(at(1), [1, true, false], 'rounded up')
  t.same(at(53_999), [54, true, false])
  t.same(at(54_000), [54, true, true])
  t.same(at(59_999), [60, true, true])
  t.same(at(60_000), [60, false, false])
  t.same(at(159_999), [160, false, false])
  t.same(at(160_000), undefined)
  t.same(cache.size(), { entries: 0, octets: 0 })
  cache.keep('short', found(9))
  clock.advance(8900)
  t.equal(cache.look('short')?.isEnding, false, 'a short life is not worth it')
  t.equal(cache.look('nothing'), undefined)
  t.end()
})

t.test('a newer answer replaces an older one, even when it is not cacheable', (t) => {
  const { clock, cache } = setUp()
  cache.keep('a', found(60))
  clock.advance(30_000)
  cache.keep('a', found(40))
  t.match(cache.look('a'), { ageSeconds: 0, found: { lifeSeconds: 40 } })
  t.equal(cache.size().entries, 1)
  cache.keep('a', found(0))
  t.equal(cache.look('a'), undefined)
  t.same(cache.size(), { entries: 0, octets: 0 })
  t.end()
})

t.test('the least recently used entry is evicted first', (t) => {
  const few = setUp({ entries: 2 }).cache
  few.keep('a', found(60))
  few.keep('b', found(60))
  few.look('a')
  few.keep('c', found(60))
  t.same(
    ['a', 'b', 'c'].map((key) => few.look(key) !== undefined),
    [true, false, true],
  )
  const small = setUp({ octets: 1000 }).cache
  small.keep('a', found(60, 400))
  small.keep('b', found(60, 400))
  t.equal(small.look('a'), undefined)
  small.keep('c', found(60, 2000))
  t.same(small.size(), { entries: 0, octets: 0 }, 'what is larger than all the room is not kept')
  t.end()
})

t.test('no entry is fresh after its TTL, and the cache stays within its limits', (t) => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    life: fc.integer({ min: 0, max: 50 }),
    octets: fc.integer({ min: 12, max: 900 }),
    waitMs: fc.integer({ min: 0, max: 40_000 }),
    isKeep: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { clock, cache } = setUp({ entries: 3, octets: 2000, staleSeconds: 30 })
      const kept = new Map<string, { at: number; life: number }>()
      for (const { key, life, octets, waitMs, isKeep } of steps) {
        clock.advance(waitMs)
        if (isKeep) {
          cache.keep(key, found(life, octets))
          kept.set(key, { at: clock.monotonic(), life })
        }
        const entry = cache.look(key)
        const size = cache.size()
        if (size.entries > 3 || size.octets > 2000 || size.octets < 0) throw new Error(JSON.stringify(size))
        if (entry === undefined) continue
        const known = kept.get(key)
        if (known === undefined) throw new Error('an answer from nowhere')
        const age = (clock.monotonic() - known.at) / 1000
        if (entry.found.lifeSeconds !== known.life) throw new Error('an older answer')
        if (entry.isFresh !== age < known.life) throw new Error(`fresh at ${age} of ${known.life}`)
        if (entry.ageSeconds < age) throw new Error('younger than it is')
        if (age >= known.life + 30) throw new Error('kept for too long')
      }
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('the cache key ignores spelling and nothing else', (t) => {
  const quay = cacheKey(request({ name: 'quay.io' }, 'udp', resolver(1)))
  t.equal(cacheKey(request({ name: 'QUAY.io', id: 9, edns: {} }, 'tcp', resolver(1))), quay)
  const others = [
    request({ name: 'quax.io' }, 'udp', resolver(1)),
    request({ name: 'quay.io', type: 'AAAA' }, 'udp', resolver(1)),
    request({ name: 'quay.io', edns: { isDnssecOk: true } }, 'udp', resolver(1)),
    request(
      { name: 'quay.io', flags: dnsPacket.RECURSION_DESIRED | dnsPacket.CHECKING_DISABLED },
      'udp',
      resolver(1),
    ),
    request({ name: 'quay.io' }, 'udp', resolver(2)),
    request({ name: 'quay.io' }, 'udp', resolver(1), resolver(2)),
  ].map(cacheKey)
  t.equal(new Set([quay, ...others]).size, 7)
  t.end()
})
