/** Resolvers that reject or drop EDNS, that answer with extended response codes, and that do not resolve. */
import t from 'tap'
import { dnsPacket } from '../../support/dns-packet.ts'
import { answerTo, nothingIsLeft, resolver, setUp, tcpResolver } from './resolver-world.ts'

const hasOpt = (query: Buffer) => dnsPacket.decode(query).additionals.length > 0

/** The encoder has no extended codes: the OPT record is the last, and its TTL starts with the upper bits. */
function withRcode(query: Buffer, rcode: number): Buffer {
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [] }
  const reply = answerTo(query, { answers: [], additionals: [opt] })
  reply[3] = ((reply[3] as number) & 0xf0) | (rcode & 15)
  reply[reply.length - 6] = rcode >>> 4
  return reply
}

const recursive = 0x80 // RA
const authoritative = dnsPacket.AUTHORITATIVE_ANSWER
const ns = (zone: string) => ({ type: 'NS', name: zone, ttl: 60, data: `ns1.${zone}` })
const soa = {
  type: 'SOA',
  name: 'io',
  ttl: 60,
  data: { mname: 'a.io', rname: 'b.io', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 60 },
}

for (const [name, rcode] of [
  ['FORMERR', 1],
  ['NOTIMP', 4],
  ['BADVERS', 16],
] as const) {
  t.test(
    `a resolver that answers ${name} to EDNS is queried without it (RFC 6891 §7), unless DO was set`,
    async (t) => {
      const world = setUp()
      const asked = await world.serve(resolver(1), (query) => [hasOpt(query) ? withRcode(query, rcode) : {}])
      t.match(await world.forward({}, resolver(1)), { rcode: 'NOERROR', answers: [{ data: '192.0.2.99' }] })
      t.equal(asked.length, 2)
      const { rcode: failed, answers } = await world.forward({ edns: { isDnssecOk: true } }, resolver(1))
      t.not(failed, 'NOERROR', 'the DO bit needs EDNS')
      t.same(answers, [])
      t.equal(asked.length, 3)
      await nothingIsLeft(t, world)
    },
  )
}

t.test('an extended response code is never read as its lower bits (RFC 6891 §6.1.3)', async (t) => {
  for (const rcode of [17, 19, 23, 32, 48, 51, 4080, 4083, 4095]) {
    const world = setUp()
    await world.serve(resolver(1), (query) => [withRcode(query, rcode)])
    await world.serve(resolver(2), () => [{}])
    const reply = await world.forward({}, resolver(1), resolver(2))
    t.match(reply, { rcode: 'NOERROR', answers: [{ data: '192.0.2.99' }] }, `${rcode}: the next resolver`)
    const alone = await world.forward({ name: 'alone.example' }, resolver(1))
    t.not(alone.rcode, 'NOERROR', `${rcode}: no other resolver`)
    t.not(alone.rcode, 'NXDOMAIN', `${rcode}: no other resolver`)
    await nothingIsLeft(t, world)
  }
})

t.test('a resolver that drops queries with EDNS is queried without it', async (t) => {
  const world = setUp()
  const asked = await world.serve(resolver(1), (query) => (hasOpt(query) ? [] : [{}]))
  const reply = world.forward({}, resolver(1))
  const times = await world.untilAnswered(reply)
  t.match(await reply, { rcode: 'NOERROR', answers: [{ data: '192.0.2.99' }] })
  t.ok(times < 2000, `after ${times} ms`)
  t.equal(asked.length, 3)
  await nothingIsLeft(t, world)
})

const lame: Readonly<Record<string, Record<string, unknown>>> = {
  'no records, no recursion': { answers: [] },
  'a referral downwards': { answers: [], authorities: [ns('quay.io')] },
  'a referral to the root': { answers: [], authorities: [ns('net')] },
  'a referral with glue': {
    answers: [],
    authorities: [ns('quay.io')],
    additionals: [{ type: 'A', name: 'ns1.quay.io', ttl: 60, data: '192.0.2.5' }],
  },
  'a referral with recursion': { answers: [], flags: recursive, authorities: [ns('quay.io')] },
}

for (const [name, changes] of Object.entries(lame)) {
  t.test(`a resolver that does not resolve is not an answer: ${name}`, async (t) => {
    const world = setUp()
    await world.serve(resolver(1), () => [changes])
    await world.serve(resolver(2), () => [{}])
    const { rcode, answers } = await world.forward({}, resolver(1), resolver(2))
    t.match({ rcode, answers }, { rcode: 'NOERROR', answers: [{ data: '192.0.2.99' }] })
    t.equal((await world.forward({ name: 'alone.example' }, resolver(1))).rcode, 'SERVFAIL', 'all are lame')
    t.match(world.counters.snapshot(), { 'dns.resolverLame': 2 })
    t.match(world.lines, [{ level: 'warn', code: 'dns.resolver-lame', address: '192.0.2.1' }])
    t.equal(world.lines.length, 1, 'the warning is logged once')
    t.same(
      world.forwarder.states([resolver(1)]).map(({ isAnswering }) => isAnswering),
      [true],
      'it may resolve other names',
    )
    await nothingIsLeft(t, world)
  })
}

t.test('NODATA and NXDOMAIN are answers', async (t) => {
  const answers: [changes: Record<string, unknown>, rcode: string][] = [
    [{ answers: [], flags: recursive, authorities: [soa] }, 'NOERROR'],
    [{ answers: [], flags: recursive, authorities: [soa, ns('io')] }, 'NOERROR'],
    [{ answers: [], flags: recursive }, 'NOERROR'],
    [{ answers: [], flags: authoritative, authorities: [soa] }, 'NOERROR'],
    [{ answers: [], flags: authoritative }, 'NOERROR'],
    [{ answers: [], flags: 3 }, 'NXDOMAIN'],
  ]
  for (const [changes, rcode] of answers) {
    const world = setUp()
    await world.serve(resolver(1), () => [changes])
    const other = await world.serve(resolver(2), () => [{}])
    t.equal((await world.forward({}, resolver(1), resolver(2))).rcode, rcode, JSON.stringify(changes))
    t.equal(other.length, 0, 'the next resolver is not queried')
    await nothingIsLeft(t, world)
  }
})

t.test('an answer over TCP can be lame too', async (t) => {
  const world = setUp()
  const slow = await tcpResolver(t, (query) => [answerTo(query, { answers: [] })])
  await world.serve(slow, () => [{ answers: [], flags: dnsPacket.TRUNCATED_RESPONSE }])
  const reply = await world.forward({}, slow)
  t.equal(reply.rcode, 'NOERROR')
  t.equal(reply.flag_tc, true, 'the client may get an answer over TCP')
  t.equal(world.counters.get('dns.resolverLame'), 1)
})
