/** What the forwarder caches, shares, and answers when no resolver responds. */
import t from 'tap'
import { dnsPacket } from '../../support/dns-packet.ts'
import { nothingIsLeft, request, resolver, setUp } from './resolver-world.ts'

const a = (ttl: number) => [{ type: 'A', name: 'quay.io', ttl, data: '192.0.2.99' }]

t.test('a fresh answer comes from the cache', async (t) => {
  const world = setUp()
  const asked = await world.serve(resolver(1), () => [{ answers: a(60) }])
  await world.forward({}, resolver(1))
  world.clock.advance(50_500)
  t.match(await world.forward({ name: 'QUAY.io', id: 3, edns: {} }, resolver(1)), {
    id: 3,
    questions: [{ name: 'QUAY.io' }],
    answers: [{ ttl: 9, data: '192.0.2.99' }],
    additionals: [{ type: 'OPT' }],
  })
  t.equal(asked.length, 1)
  world.clock.advance(9500)
  t.match(await world.forward({}, resolver(1)), { answers: [{ ttl: 60 }] })
  t.equal(asked.length, 2)
  t.match(world.counters.snapshot(), { 'dns.cacheHits': 1, 'dns.cacheMisses': 2, 'dns.forwarded': 2 })
  t.equal(world.forwarder.size().entries, 1)
  await nothingIsLeft(t, world)
})

t.test('an answer about to expire is refreshed in the background', async (t) => {
  const world = setUp()
  const asked = await world.serve(resolver(1), () => [{ answers: a(60) }])
  await world.forward({}, resolver(1))
  world.clock.advance(55_000)
  t.match(await world.forward({}, resolver(1)), { answers: [{ ttl: 5 }] })
  await world.sockets.settled()
  t.equal(asked.length, 2)
  t.match(await world.forward({}, resolver(1)), { answers: [{ ttl: 60 }] })
  t.equal(asked.length, 2)
  await nothingIsLeft(t, world)
})

t.test('concurrent queries for one question share one exchange', async (t) => {
  const world = setUp()
  const asked = await world.serve(resolver(1), () => [{}])
  const replies = await Promise.all([1, 2, 3].map((id) => world.forward({ id }, resolver(1))))
  t.same(
    replies.map(({ id, rcode }) => `${id} ${rcode}`),
    ['1 NOERROR', '2 NOERROR', '3 NOERROR'],
  )
  t.equal(asked.length, 1)
  t.equal(world.counters.get('dns.shared'), 2)
  await nothingIsLeft(t, world)
})

t.test('two servers that forward to each other do not loop', async (t) => {
  const world = setUp()
  /** The other appliance: it puts every question to us. */
  const asked = await world.serve(resolver(1), (query) => {
    void world.forwarder.forward({ ...request({}, 'udp', resolver(1)), query }, '192.0.2.1', true)
    return []
  })
  const reply = world.forward({}, resolver(1))
  await world.untilAnswered(reply)
  t.equal((await reply).rcode, 'SERVFAIL')
  t.equal(asked.length, 3, 'as many as any unresponsive resolver gets')
  await nothingIsLeft(t, world)
})

t.test('a stale answer is used when no resolver answers (RFC 8767)', async (t) => {
  const world = setUp()
  let isSilent = false
  const asked = await world.serve(resolver(1), () => (isSilent ? [] : [{ answers: a(60) }]))
  await world.forward({}, resolver(1))
  isSilent = true
  world.clock.advance(60_000)
  const reply = world.forward({ edns: {} }, resolver(1))
  t.equal(await world.untilAnswered(reply), 1800, '§5: the client response timer')
  t.match(await reply, { rcode: 'NOERROR', answers: [{ ttl: 30, data: '192.0.2.99' }] }, '§4: the TTL')
  world.clock.advance(2700)
  await world.sockets.settled()
  t.match(world.counters.snapshot(), { 'dns.cacheStale': 1, 'dns.forwardFailed': 1 })

  const before = asked.length
  t.equal(await world.untilAnswered(world.forward({}, resolver(1))), 0)
  t.equal(asked.length, before, '§5: no resolver is queried for 30 s')
  world.clock.advance(30_000)
  t.equal(await world.untilAnswered(world.forward({}, resolver(1))), 0, 'then in the background')
  t.equal(asked.length, before + 1)
  for (let second = 0; second < 5; second++) {
    world.clock.advance(1000)
    await world.sockets.settled()
  }
  isSilent = false
  world.clock.advance(30_000)
  await world.forward({}, resolver(1))
  await world.sockets.settled()
  t.match(await world.forward({}, resolver(1)), { answers: [{ ttl: 60 }] }, 'and the new answer is fresh')

  isSilent = true
  world.clock.advance(60_000 + 86_400_000)
  const tooOld = world.forward({}, resolver(1))
  await world.untilAnswered(tooOld)
  t.equal((await tooOld).rcode, 'SERVFAIL', '§5: a day at most')
  await nothingIsLeft(t, world)
})

t.test('a stale answer is used at once when all resolvers fail', async (t) => {
  const world = setUp()
  let isFailing = false
  await world.serve(resolver(1), () => [
    isFailing ? { flags: 2, answers: [] } : { flags: 3, answers: [], authorities: [soa] },
  ])
  t.equal((await world.forward({}, resolver(1))).rcode, 'NXDOMAIN')
  isFailing = true
  world.clock.advance(60_000)
  t.equal((await world.forward({}, resolver(1))).rcode, 'NXDOMAIN')
  t.equal(world.counters.get('dns.cacheStale'), 1)
  await nothingIsLeft(t, world)
})

const soa = {
  type: 'SOA',
  name: 'io',
  ttl: 60,
  data: { mname: 'a.example', rname: 'b.example', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 60 },
}

t.test('a failed question is not sent again for a second (RFC 9520 §3.2)', async (t) => {
  const world = setUp()
  const asked = await world.serve(resolver(1), () => [{ flags: 5, answers: [] }])
  t.equal((await world.forward({}, resolver(1))).rcode, 'REFUSED')
  const again = await world.forward({ edns: {} }, resolver(1))
  t.equal(again.rcode, 'REFUSED')
  t.match(again.additionals[0]?.options, [{ data: Buffer.from('\x00\x0dthe resolvers failed a moment ago') }])
  t.equal(asked.length, 1)
  world.clock.advance(1000)
  await world.forward({}, resolver(1))
  t.equal(asked.length, 2)
  await nothingIsLeft(t, world)
})

t.test('more than 1000 questions in flight are refused at once', async (t) => {
  const world = setUp()
  const ask = async (name: string, client: string, edns?: object, isDeclared = true) =>
    dnsPacket.decode(
      await world.forwarder.forward(
        request({ name, ...(edns && { edns }) }, 'udp', resolver(1)),
        client,
        isDeclared,
      ),
    )
  const waiting = Array.from({ length: 1000 }, (_, index) =>
    ask(`n${index}.example`, `172.16.0.${index % 200}`),
  )
  const { rcode, additionals } = await ask('one-more.example', '172.16.1.1', {})
  t.equal(rcode, 'SERVFAIL')
  t.match(additionals[0]?.options, [{ data: Buffer.from('\x00\x16too many queries in flight') }])
  t.equal(world.counters.get('dns.forwardOverflow'), 1)
  const shared = ask('n1.example', '172.16.1.1')
  await world.sockets.settled()
  t.equal(world.counters.get('dns.shared'), 1, 'one that is under way already costs nothing')
  const closed = world.forwarder.close(100)
  world.clock.advance(100)
  await closed
  t.equal(new Set((await Promise.all([...waiting, shared])).map((reply) => reply.rcode)).size, 1)
  await nothingIsLeft(t, world)
})

t.test('one client may have 250 waiting queries', async (t) => {
  const world = setUp()
  const ask = async (client: string) =>
    dnsPacket.decode(await world.forwarder.forward(request({}, 'udp', resolver(1)), client, true))
  const waiting = Array.from({ length: 250 }, () => ask('172.16.0.21'))
  t.equal((await ask('172.16.0.21')).rcode, 'SERVFAIL')
  t.equal(world.counters.get('dns.forwardOverflow'), 1)
  const other = ask('172.16.0.22')
  await world.sockets.settled()
  t.equal(world.counters.get('dns.forwardOverflow'), 1, 'another is not hindered')
  await world.untilAnswered(other)
  await Promise.all(waiting)
  world.clock.advance(1000)
  void ask('172.16.0.21')
  t.equal(world.counters.get('dns.forwardOverflow'), 1, 'nor that one, when it has its answers')
  const closed = world.forwarder.close(0)
  world.clock.advance(0)
  await closed
  await nothingIsLeft(t, world)
})

t.test(
  'other clients leave a reserve to declared nodes, and may have 100 waiting queries each',
  async (t) => {
    const world = setUp()
    const ask = async (name: string, client: string, isDeclared = false) =>
      dnsPacket.decode(
        await world.forwarder.forward(request({ name }, 'udp', resolver(1)), client, isDeclared),
      )
    const waiting = Array.from({ length: 750 }, (_, index) =>
      ask(`n${index}.example`, `172.16.1.${index % 8}`),
    )
    t.equal((await ask('one-more.example', '172.16.1.9')).rcode, 'SERVFAIL', 'only 750 questions')
    const ofNode = Array.from({ length: 250 }, (_, index) => ask(`m${index}.example`, '172.16.0.21', true))
    t.equal(world.counters.get('dns.forwardOverflow'), 1)
    const shared = Array.from({ length: 100 }, () => ask('n1.example', '172.16.1.20'))
    t.equal((await ask('n1.example', '172.16.1.20')).rcode, 'SERVFAIL', 'only 100 queries of one client')
    t.equal(world.counters.get('dns.forwardOverflow'), 2)
    t.same(world.counters.refusals(), { 'dns.forward-limit': 2 })
    const closed = world.forwarder.close(100)
    world.clock.advance(100)
    await closed
    await Promise.all([...waiting, ...ofNode, ...shared])
    await nothingIsLeft(t, world)
  },
)
