/** Aliases in forwarded answers that lead into a zone of the site, or to other resolvers. */
import t from 'tap'
import { guideModel, zones } from '../../plan/dns/guide.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { askOctets, encode, line, planOf, type Query } from './ask.ts'
import { nothingIsLeft, resolver, setUp } from './resolver-world.ts'

const plan = planOf(
  guideModel((site) => {
    site.dns['zones'] = zones
    site.dns['forward'] = ['192.0.2.1']
    site.dns['forwardZones'] = [
      { zone: 'lab.test', servers: ['192.0.2.2'] },
      { zone: 'other.test', servers: ['192.0.2.3'] },
    ]
  }),
)
const apps = 'oauth.apps.ocp45.example.localdomain'

const cname = (name: string, data: string, ttl = 60) => ({ type: 'CNAME', name, ttl, data })
const a = (name: string, data: string, ttl = 60) => ({ type: 'A', name, ttl, data })
const nxdomain = (answers: unknown[]) => ({ flags: 3, answers })
const isFor = (query: Buffer, name: string) => dnsPacket.decode(query).questions[0]?.name === name

async function forward(world: ReturnType<typeof setUp>, query: Query) {
  const result = askOctets(plan, encode(query), { transport: 'tcp' })
  if (result.kind !== 'forward') throw new Error(result.kind)
  return dnsPacket.decode(await world.forwarder.forward(result.request, '172.16.0.21', true))
}

t.test('an alias into a zone of the site is followed here (RFC 1034 §4.3.2 step 3a)', async (t) => {
  const chain = [cname('www.example.org', 'CDN.example.org', 50), cname('cdn.example.org', apps)]
  const cases: [type: string, manner: Record<string, unknown>, rcode: string, end: string[]][] = [
    ['A', nxdomain(chain), 'NOERROR', [`${apps} A 172.16.0.111`]],
    ['A', { answers: [...chain, a(apps, '203.0.113.9')] }, 'NOERROR', [`${apps} A 172.16.0.111`]],
    ['AAAA', nxdomain(chain), 'NOERROR', []],
    ['TXT', nxdomain(chain), 'NOERROR', []],
  ]
  for (const [type, manner, rcode, end] of cases) {
    const world = setUp()
    const asked = await world.serve(resolver(1), () => [manner])
    for (const ttl of [50, 50]) {
      const reply = await forward(world, { name: 'Www.example.org', type })
      t.match(reply, { rcode, flag_aa: false, flag_ra: true, questions: [{ name: 'Www.example.org' }] })
      t.same(reply.answers.map(line), [
        'www.example.org CNAME CDN.example.org',
        `cdn.example.org CNAME ${apps}`,
        ...end,
      ])
      t.same(reply.answers[0]?.ttl, ttl)
      if (end.length === 0) t.same(reply.authorities.map(line), ['example.localdomain SOA 3600'])
    }
    t.equal(asked.length, 1, 'the complete answer is cached')
    world.clock.advance(51_000)
    await forward(world, { name: 'www.example.org', type })
    t.equal(asked.length, 2, 'for the least TTL')
    await nothingIsLeft(t, world)
  }
})

t.test('a missing name of the site at the end of an alias is NXDOMAIN', async (t) => {
  const world = setUp()
  await world.serve(resolver(1), () => [{ answers: [cname('www.example.org', 'none.example.localdomain')] }])
  const reply = await forward(world, { name: 'www.example.org' })
  t.equal(reply.rcode, 'NXDOMAIN')
  t.same(reply.answers.map(line), ['www.example.org CNAME none.example.localdomain'])
  t.same(reply.authorities.map(line), ['example.localdomain SOA 3600'])
})

t.test('an alias to another forward zone is sent to its resolvers, and from there to others', async (t) => {
  const world = setUp()
  await world.serve(resolver(1), () => [nxdomain([cname('www.example.org', 'x.lab.test')])])
  await world.serve(resolver(2), () => [{ answers: [cname('x.lab.test', 'y.other.test')], flags: 0x400 }])
  await world.serve(resolver(3), () => [{ answers: [cname('y.other.test', apps)], flags: 0x400 }])
  const reply = await forward(world, { name: 'www.example.org' })
  t.equal(reply.rcode, 'NOERROR')
  t.same(reply.answers.map(line), [
    'www.example.org CNAME x.lab.test',
    'x.lab.test CNAME y.other.test',
    `y.other.test CNAME ${apps}`,
    `${apps} A 172.16.0.111`,
  ])
  await nothingIsLeft(t, world)
})

t.test('an alias from a forward zone to the Internet is sent to the default resolvers', async (t) => {
  const world = setUp()
  await world.serve(resolver(2), () => [{ answers: [cname('x.lab.test', 'quay.io')], flags: 0x400 }])
  await world.serve(resolver(1), () => [{}])
  const reply = await forward(world, { name: 'x.lab.test', edns: { isDnssecOk: true } })
  t.same(reply.answers.map(line), ['x.lab.test CNAME quay.io', 'quay.io A 192.0.2.99'])
})

t.test('a loop over two sources ends in SERVFAIL', async (t) => {
  const world = setUp()
  await world.serve(resolver(1), () => [{ answers: [cname('www.example.org', 'x.lab.test')] }])
  await world.serve(resolver(2), () => [{ answers: [cname('x.lab.test', 'www.example.org')] }])
  const reply = await forward(world, { name: 'www.example.org' })
  t.match(reply, { rcode: 'SERVFAIL', answers: [] })
  await nothingIsLeft(t, world)
})

t.test('a chain over two sources is bounded', async (t) => {
  const world = setUp()
  let count = 0
  const manner = (to: string) => (query: Buffer) => {
    const name = dnsPacket.decode(query).questions[0]?.name ?? ''
    return [{ answers: [cname(name, `n${++count}.${to}`)] }]
  }
  await world.serve(resolver(1), manner('lab.test'))
  await world.serve(resolver(2), manner('example.org'))
  t.equal((await forward(world, { name: 'www.example.org' })).rcode, 'SERVFAIL')
  t.equal(count, 9)
})

t.test('aliases of one source, and questions for the alias itself, stay as they are', async (t) => {
  const world = setUp()
  const asked = await world.serve(resolver(1), (query) =>
    isFor(query, 'loop.example.org')
      ? [{ answers: [cname('loop.example.org', 'loop.example.org')] }]
      : [{ answers: [cname('www.example.org', 'cdn.example.org'), a('cdn.example.org', '192.0.2.7')] }],
  )
  const reply = await forward(world, { name: 'www.example.org' })
  t.same(reply.answers.map(line), ['www.example.org CNAME cdn.example.org', 'cdn.example.org A 192.0.2.7'])
  t.equal((await forward(world, { name: 'loop.example.org' })).answers.length, 1)
  const other = setUp()
  await other.serve(resolver(1), () => [{ answers: [cname('www.example.org', apps)] }])
  t.equal((await forward(other, { name: 'www.example.org', type: 'CNAME' })).answers.length, 1)
  t.equal(asked.length, 2)
})

t.test('an alias fails if the resolver of the next zone does not answer', async (t) => {
  const world = setUp()
  await world.serve(resolver(1), () => [{ answers: [cname('www.example.org', 'x.lab.test')] }])
  const reply = forward(world, { name: 'www.example.org' })
  await world.untilAnswered(reply)
  t.equal((await reply).rcode, 'SERVFAIL')
  await nothingIsLeft(t, world)
})
