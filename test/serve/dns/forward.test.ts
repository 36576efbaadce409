import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { judge } from '../../support/dns-judge.ts'
import { answerTo, nothingIsLeft, request, resolver, setUp } from './resolver-world.ts'

t.test('a question is put to the first resolver, from a port and under an id of its own', async (t) => {
  const world = setUp()
  const asked = await world.serve(resolver(1), () => [{}])
  const other = await world.serve(resolver(2), () => [{}])
  const replies = await Promise.all([1, 2].map((id) => world.forward({ id }, resolver(1), resolver(2))))
  t.match(replies, [
    { id: 1, rcode: 'NOERROR', questions: [{ name: 'Quay.io' }], answers: [{ data: '192.0.2.99' }] },
    { id: 2, rcode: 'NOERROR' },
  ])
  t.same(
    asked.map(({ payload }) => judge.decode(payload).id),
    [0x2222, 0x2223],
  )
  t.not(asked[0]?.port, asked[1]?.port)
  t.equal(other.length, 0)
  t.equal(world.counters.get('dns.forwarded'), 2)
  nothingIsLeft(t, world)
})

t.test('answers to other questions, and from others, are passed over (RFC 5452 §9)', async (t) => {
  const world = setUp()
  const stranger = resolver(66)
  await world.serve(
    resolver(1),
    (_query, count) =>
      count === 1 ? [{ answers: [{ type: 'A', name: 'quay.io', data: '192.0.2.66' }] }] : [],
    stranger,
  )
  await world.serve(resolver(2), () => [
    { id: 9 },
    { questions: [{ type: 'A', name: 'evil.example' }] },
    Uint8Array.of(1, 2, 3),
    {},
  ])
  const reply = world.forward({}, resolver(1), resolver(2))
  await world.sockets.settled()
  world.clock.advance(1000)
  t.match((await reply).answers, [{ data: '192.0.2.99' }])
  nothingIsLeft(t, world)
})

t.test('a silent resolver is left for the next, and asked last for a while', async (t) => {
  const world = setUp()
  let isSilent = true
  const first = await world.serve(resolver(1), () => (isSilent ? [] : [{}]))
  const second = await world.serve(resolver(2), () => [{}])
  const reply = world.forward({}, resolver(1), resolver(2))
  await world.sockets.settled()
  world.clock.advance(999)
  t.equal(second.length, 0)
  world.clock.advance(1)
  t.equal((await reply).rcode, 'NOERROR')
  t.match(world.lines, [
    { level: 'warn', address: '192.0.2.1', reason: 'no answer in 1000 ms', msg: 'resolver does not answer' },
  ])

  await world.forward({}, resolver(1), resolver(2))
  t.same([first.length, second.length], [1, 2], 'the second is asked at once')
  world.clock.advance(30_000)
  isSilent = false
  await world.forward({}, resolver(1), resolver(2))
  t.same([first.length, second.length], [2, 2], 'after half a minute it is the first again')
  t.match(world.lines[1], { level: 'info', address: '192.0.2.1', msg: 'resolver answers again' })
  t.equal(world.lines.length, 2)
  nothingIsLeft(t, world)
})

t.test(
  'when nobody answers the client is told within 4.5 seconds, and a dead resolver costs one line',
  async (t) => {
    const world = setUp()
    const asked = await world.serve(resolver(1), () => [])
    const reply = world.forward({ edns: {} }, resolver(1))
    const waits: number[] = []
    for (const wait of [1000, 1500, 2000]) {
      await world.sockets.settled()
      waits.push(world.clock.nextDelay() ?? 0)
      world.clock.advance(wait)
    }
    const { rcode, flag_ra, additionals } = await reply
    t.same(waits, [1000, 1500, 2000])
    t.match({ rcode, flag_ra }, { rcode: 'SERVFAIL', flag_ra: true })
    const text = Buffer.concat([Buffer.of(0, 22), Buffer.from("none of the site's resolvers answers")])
    t.same(additionals[0]?.options, [{ code: 15, type: 'OPTION_15', data: text }], 'RFC 8914 §4.23')
    t.equal(asked.length, 3)
    t.equal(world.lines.length, 1)
    t.match(world.counters.snapshot(), { 'dns.forwardFailed': 1, 'dns.resolverSilences': 3 })
    nothingIsLeft(t, world)
  },
)

t.test('many silent resolvers take no longer than one', async (t) => {
  const world = setUp()
  const resolvers = [1, 2, 3, 4, 5, 6].map(resolver)
  const reply = world.forward({}, ...resolvers)
  let total = 0
  for (;;) {
    await world.sockets.settled()
    const wait = world.clock.nextDelay()
    if (wait === undefined) break
    total += wait
    world.clock.advance(wait)
  }
  t.equal((await reply).rcode, 'SERVFAIL')
  t.equal(total, 4500)
  nothingIsLeft(t, world)
})

t.test('a resolver that cannot or will not is left for the next, for good', async (t) => {
  const world = setUp()
  const failing = await world.serve(resolver(1), () => [{ flags: 2, answers: [] }])
  await world.serve(resolver(2), () => [{}])
  t.equal((await world.forward({}, resolver(1), resolver(2))).rcode, 'NOERROR')
  t.equal(failing.length, 1)
  await world.serve(resolver(3), () => [{ flags: 5, answers: [] }])
  t.equal(
    (await world.forward({}, resolver(1), resolver(3))).rcode,
    'REFUSED',
    'the last word, when all fail',
  )
  nothingIsLeft(t, world)
})

t.test('an answer that is not a whole message is none', async (t) => {
  const world = setUp()
  await world.serve(resolver(1), (query) => [answerTo(query, {}).subarray(0, -1)])
  await world.serve(resolver(2), () => [{}])
  t.equal((await world.forward({}, resolver(1), resolver(2))).rcode, 'NOERROR')
  t.equal(world.counters.get('dns.resolverMalformed'), 1)
  t.match(world.lines, [
    {
      level: 'debug',
      address: '192.0.2.1',
      reason: '4 octets wanted, 3 left at octet 44',
      msg: 'resolver sent a malformed answer',
    },
  ])
  nothingIsLeft(t, world)
})

t.test('a socket that cannot be had, or cannot send, is silence at once', async (t) => {
  const full = setUp(() => () => Promise.reject(new Error('bind EMFILE 0.0.0.0')))
  t.equal((await full.forward({}, resolver(1))).rcode, 'SERVFAIL')
  t.match(full.lines[0], { address: '192.0.2.1', reason: 'bind EMFILE 0.0.0.0' })
  nothingIsLeft(t, full)

  const lost = setUp((bind) => async (options) => ({
    ...(await bind(options)),
    send: (_payload, _address, _port, failed) => failed?.(new Error('send ENETUNREACH')),
  }))
  t.equal((await lost.forward({}, resolver(1))).rcode, 'SERVFAIL')
  t.match(lost.lines[0], { address: '192.0.2.1', reason: 'send ENETUNREACH' })
  nothingIsLeft(t, lost)
})

t.test('IPv6 resolvers are asked from an IPv6 socket; one that comes too late is closed again', async (t) => {
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
  nothingIsLeft(t, world)
})

t.test('a fault of ours costs this question, and a line', async (t) => {
  const world = setUp()
  await world.serve(resolver(1), () => [{}])
  const asked = request()
  const broken = {
    ...asked,
    query: Object.assign(asked.query, { subarray: undefined }) as unknown as Uint8Array,
  }
  const reply = judge.decode(await world.forwarder.forward(broken, [resolver(1)]))
  t.match(reply, { id: 7, rcode: 'SERVFAIL' })
  t.equal(world.counters.get('dns.failures'), 1)
  t.match(world.lines, [{ level: 'error', msg: 'forwarding failed', packet: /^0007/ }])
  nothingIsLeft(t, world)
})

t.test('a thousand questions may wait; the next is told so at once', async (t) => {
  const world = setUp()
  const waiting = Array.from({ length: 1000 }, () => world.forward({}, resolver(1)))
  const { rcode, additionals } = await world.forward({ edns: {} }, resolver(1))
  t.equal(rcode, 'SERVFAIL')
  t.match(additionals[0]?.options, [{ data: Buffer.from('\x00\x16too many questions in flight') }])
  t.equal(world.counters.get('dns.forwardOverflow'), 1)
  await world.sockets.settled()
  const closed = world.forwarder.close(100)
  world.clock.advance(100)
  await closed
  t.equal(new Set((await Promise.all(waiting)).map((reply) => reply.rcode)).size, 1)
  nothingIsLeft(t, world)
})

t.test('closing waits for what is in flight, as long as it may', async (t) => {
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
  t.same(world.lines, [], 'a question that is ended is no fault of the resolver')
  nothingIsLeft(t, world)
})
