import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { dnsPacket } from '../../support/dns-packet.ts'
import { answerTo, nothingIsLeft, resolver, setUp } from './resolver-world.ts'

t.test('the first resolver is queried, with its own port and id', async (t) => {
  const world = setUp()
  const asked = await world.serve(resolver(1), () => [{}])
  const other = await world.serve(resolver(2), () => [{}])
  const replies = await Promise.all(
    ['Quay.io', 'Docker.io'].map((name, id) => world.forward({ id, name }, resolver(1), resolver(2))),
  )
  t.match(replies, [
    { id: 0, rcode: 'NOERROR', questions: [{ name: 'Quay.io' }], answers: [{ data: '192.0.2.99' }] },
    { id: 1, rcode: 'NOERROR' },
  ])
  t.same(
    asked.map(({ payload }) => dnsPacket.decode(payload).id),
    [0x2222, 0x2223],
  )
  t.not(asked[0]?.port, asked[1]?.port)
  t.equal(other.length, 0)
  t.equal(world.counters.get('dns.forwarded'), 2)
  await nothingIsLeft(t, world)
})

t.test('answers to other questions and from other addresses are ignored (RFC 5452 §9)', async (t) => {
  const world = setUp()
  const outsider = resolver(66)
  await world.serve(
    resolver(1),
    (_query, count) =>
      count === 1 ? [{ answers: [{ type: 'A', name: 'quay.io', data: '192.0.2.66' }] }] : [],
    outsider,
  )
  await world.serve(resolver(2), () => [
    { id: 9 },
    { questions: [{ type: 'A', name: 'evil.example' }] },
    Uint8Array.of(1, 2, 3),
    {},
  ])
  const reply = world.forward({}, resolver(1), resolver(2))
  await world.sockets.settled()
  world.clock.advance(400)
  t.match((await reply).answers, [{ data: '192.0.2.99' }])
  await nothingIsLeft(t, world)
})

t.test(
  'the client gets SERVFAIL within 4.5 s when no resolver answers, and a dead resolver is logged once',
  async (t) => {
    const world = setUp()
    const asked = await world.serve(resolver(1), () => [])
    const reply = world.forward({ edns: {} }, resolver(1))
    const times = await world.untilAnswered(reply)
    const { rcode, flag_ra, additionals } = await reply
    t.ok(times <= 4500, `after ${times} ms`)
    t.match({ rcode, flag_ra }, { rcode: 'SERVFAIL', flag_ra: true })
    const text = Buffer.concat([Buffer.of(0, 22), Buffer.from("none of the site's resolvers answers")])
    t.same(additionals[0]?.options, [{ code: 15, type: 'OPTION_15', data: text }], 'RFC 8914 §4.23')
    t.equal(asked.length, 3)
    t.match(world.lines, [
      {
        level: 'warn',
        address: '192.0.2.1',
        reason: 'no answer in 2000 ms',
        msg: 'resolver unreachable',
      },
    ])
    t.equal(world.lines.length, 1)
    t.match(world.counters.snapshot(), { 'dns.forwardFailed': 1, 'dns.resolverSilences': 3 })
    await nothingIsLeft(t, world)
  },
)

t.test('many unresponsive resolvers take no longer than one, and get few datagrams', async (t) => {
  const world = setUp()
  const reply = world.forward({}, ...[1, 2, 3, 4, 5, 6].map(resolver))
  t.equal(await world.untilAnswered(reply), 4500)
  t.equal((await reply).rcode, 'SERVFAIL')
  t.ok(world.sockets.flights.length <= 12)
  await nothingIsLeft(t, world)
})

t.test('a resolver that fails is not queried again for this question', async (t) => {
  const world = setUp()
  const failing = await world.serve(resolver(1), () => [{ flags: 2, answers: [] }])
  await world.serve(resolver(2), () => [{}])
  t.equal((await world.forward({}, resolver(1), resolver(2))).rcode, 'NOERROR')
  t.equal(failing.length, 1)
  t.equal(world.counters.get('dns.failovers'), 1)
  await world.serve(resolver(3), () => [{ flags: 5, answers: [] }])
  t.equal(
    (await world.forward({}, resolver(1), resolver(3))).rcode,
    'REFUSED',
    'the last word, when all fail',
  )
  await nothingIsLeft(t, world)
})

t.test(
  'a resolver that does not support EDNS is queried without it (RFC 6891 §7), unless DO was set',
  async (t) => {
    const world = setUp()
    const asked = await world.serve(resolver(1), (query) =>
      dnsPacket.decode(query).additionals.length > 0 ? [{ flags: 1, questions: [], answers: [] }] : [{}],
    )
    t.equal((await world.forward({}, resolver(1))).rcode, 'NOERROR')
    t.equal(asked.length, 2)
    t.equal((await world.forward({ edns: { isDnssecOk: true } }, resolver(1))).rcode, 'FORMERR')
    t.equal(asked.length, 3)
    await nothingIsLeft(t, world)
  },
)

t.test('a truncated message without TC is a failure', async (t) => {
  const world = setUp()
  await world.serve(resolver(1), (query) => [answerTo(query, {}).subarray(0, -1)])
  await world.serve(resolver(2), () => [{}])
  t.equal((await world.forward({}, resolver(1), resolver(2))).rcode, 'NOERROR')
  t.equal(world.counters.get('dns.resolverMalformed'), 1)
  t.match(world.lines, [
    {
      level: 'debug',
      address: '192.0.2.1',
      reason: '4 octets expected, 3 left at octet 44',
      msg: 'malformed answer received',
    },
  ])
  await nothingIsLeft(t, world)
})

t.test('a socket that cannot be opened or cannot send counts as a time-out', async (t) => {
  const full = setUp(() => () => Promise.reject(new Error('bind EMFILE 0.0.0.0')))
  t.equal((await full.forward({}, resolver(1))).rcode, 'SERVFAIL')
  t.match(full.lines[0], { address: '192.0.2.1', reason: 'bind EMFILE 0.0.0.0' })
  await nothingIsLeft(t, full)

  const lost = setUp((bind) => async (options) => ({
    ...(await bind(options)),
    send: (_payload, _address, _port, failed) => failed?.(new Error('send ENETUNREACH')),
  }))
  t.equal((await lost.forward({}, resolver(1))).rcode, 'SERVFAIL')
  t.match(lost.lines[0], { address: '192.0.2.1', reason: 'send ENETUNREACH' })
  await nothingIsLeft(t, lost)
})

t.test('IPv6 resolvers are queried from an IPv6 socket, and a late socket is closed', async (t) => {
  const addresses: string[] = []
  const world = setUp((bind) => async (options) => {
    addresses.push(options.address)
    await setImmediate()
    return bind(options)
  })
  const reply = world.forward({}, { address: '2001:db8::1', port: 53 })
  const closed = world.forwarder.close(0)
  world.clock.advance(0)
  await closed
  t.equal((await reply).rcode, 'SERVFAIL')
  t.same(addresses, ['::'])
  await world.sockets.settled()
  t.same(world.sockets.open(), [])
  await nothingIsLeft(t, world)
})

t.test('a bug fails one question and is logged', async (t) => {
  let isBroken = true
  const world = setUp((bind) => (options) => {
    if (isBroken) throw new TypeError('ours')
    return bind(options)
  })
  await world.serve(resolver(1), () => [{}])
  t.match(await world.forward({}, resolver(1)), { id: 7, rcode: 'SERVFAIL' })
  t.equal(world.counters.get('dns.failures'), 1)
  t.match(world.lines, [
    { level: 'error', msg: 'forwarding failed', packet: /^0007/, err: { message: 'ours' } },
  ])
  isBroken = false
  t.equal((await world.forward({ name: 'docker.io' }, resolver(1))).rcode, 'NOERROR')
  await nothingIsLeft(t, world)
})

t.test('a slow resolver does not delay the next attempt, and its late answer is used', async (t) => {
  const world = setUp()
  let answer: (() => void) | undefined
  const port = await world.sockets.bindUdp(resolver(1))
  port.receive(([datagram]) => {
    if (datagram === undefined) return
    const query = Buffer.from(datagram.payload)
    answer = () => port.send(answerTo(query, {}), datagram.address, datagram.port)
  })
  const second = await world.serve(resolver(2), () => [])
  const reply = world.forward({}, resolver(1), resolver(2))
  await world.sockets.settled()
  world.clock.advance(399)
  t.equal(second.length, 0)
  world.clock.advance(1)
  await world.sockets.settled()
  t.equal(second.length, 1, 'the second is queried as well')
  world.clock.advance(100)
  answer?.()
  t.equal((await reply).rcode, 'NOERROR', 'but the first answer is used')
  t.equal(world.counters.get('dns.failovers'), 0)
  t.same(
    world.forwarder.states([resolver(1), resolver(2)]),
    [
      { address: '192.0.2.1', isAnswering: true, latencyMs: 500 },
      { address: '192.0.2.2', isAnswering: true },
    ],
    'and measured',
  )
  await nothingIsLeft(t, world)
})

t.test('an unresponsive resolver is skipped and probed until it answers', async (t) => {
  const world = setUp()
  let isSilent = true
  const first = await world.serve(resolver(1), () => (isSilent ? [] : [{}]))
  const second = await world.serve(resolver(2), () => [{}])
  let count = 0
  const forward = async () => {
    const reply = world.forward({ name: `n${++count}.example` }, resolver(1), resolver(2))
    const waited = await world.untilAnswered(reply)
    t.equal((await reply).rcode, 'NOERROR')
    return waited
  }
  t.same([await forward(), await forward()], [400, 400], 'the second answers in its place')
  world.clock.advance(2000)
  await world.sockets.settled()
  t.match(world.lines, [{ level: 'warn', address: '192.0.2.1', msg: 'resolver unreachable' }])
  t.match(world.forwarder.states([resolver(1)]), [{ isAnswering: false }])
  t.equal(world.counters.get('dns.failovers'), 2)

  t.equal(await forward(), 0, 'the server no longer waits for it')
  t.same([first.length, second.length], [2, 3])
  world.clock.advance(1000)
  t.equal(await forward(), 0)
  t.equal(first.length, 3, 'a second later it is queried as well')
  world.clock.advance(1000)
  await forward()
  t.equal(first.length, 3, 'then less often')
  world.clock.advance(1000)
  isSilent = false
  await forward()
  await world.sockets.settled()
  t.equal(first.length, 4)
  t.match(world.lines.at(-1), { level: 'info', address: '192.0.2.1', msg: 'resolver reachable again' })
  await forward()
  t.same([first.length, second.length], [5, 6], 'it is the first again')
  await nothingIsLeft(t, world)
})

t.test('queries for a zone go to its servers, each with its own state', async (t) => {
  const world = setUp()
  await world.serve(resolver(1), () => [{}])
  const corp = await world.serve(resolver(9), () => [{ flags: 3, answers: [] }])
  t.equal((await world.forward({}, resolver(1))).rcode, 'NOERROR')
  t.equal((await world.forward({}, resolver(9))).rcode, 'NXDOMAIN', 'the same name is kept apart')
  t.equal(corp.length, 1)
  await nothingIsLeft(t, world)
})

t.test('close waits for questions in flight, up to its limit', async (t) => {
  const world = setUp()
  await world.serve(resolver(1), () => [{}])
  const reply = world.forward({}, resolver(1))
  await world.forwarder.close(1000)
  t.equal((await reply).rcode, 'NOERROR')
  const late = world.forward({}, resolver(9))
  await world.sockets.settled()
  const closed = world.forwarder.close(100)
  world.clock.advance(100)
  await closed
  t.equal((await late).rcode, 'SERVFAIL')
  t.same(world.lines, [], 'a canceled question does not count as a failure of the resolver')
  await nothingIsLeft(t, world)
})
