import { once } from 'node:events'
import { connect } from 'node:net'
import { hostname } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { silentLog } from '../../support/silent-log.ts'
import { createSockets } from '../../../src/host/sockets.ts'
import type { Sockets } from '../../../src/host/udp.ts'
import type { DnsPlan } from '../../../src/plan/dns/plan.ts'
import { createFrameReader, frame } from '../../../src/proto/dns/message.ts'
import { startDns } from '../../../src/serve/dns/service.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { inbox, memorySockets } from '../../support/memory-sockets.ts'
import { crowdedModel, guideModel } from '../../plan/dns/guide.ts'
import { encode, planOf } from './ask.ts'
import { server, setUp, withCookie } from './service-world.ts'
import { hex } from '../../support/hex.ts'

const upstream = { address: '192.168.124.1', port: 53 }

t.test('a node gets an answer over UDP', async (t) => {
  const { service, counters, lines, client } = await setUp()
  t.equal(service.name, 'dns')
  t.same(service.listening, ['udp 172.16.0.101:53'])
  const { ask } = await client('172.16.0.21')
  t.match(await ask(encode({ name: 'api-int.ocp45.example.localdomain', id: 5 })), {
    id: 5,
    flag_ra: true,
    answers: [{ data: '172.16.0.110' }],
  })
  t.equal((await ask(encode({ name: 'x.ocp45.example.localdomain' }))).rcode, 'NXDOMAIN')
  t.equal((await ask(encode({ name: 'api.ocp45.example.localdomain', type: 'AAAA' }))).rcode, 'NOERROR')
  t.same(counters.snapshot(), { 'dns.answered': 1, 'dns.nodata': 1, 'dns.nxdomain': 1, 'dns.queries': 3 })
  t.same(lines, [], 'answers leave no line')
})

t.test('malformed queries and responses are counted and ignored', async (t) => {
  const { sockets, counters, client } = await setUp()
  const { port, box, ask } = await client('172.16.0.21')
  port.send(Uint8Array.of(1, 2, 3), server.address, server.port)
  port.send(dnsPacket.encode({ type: 'response', id: 1 }), server.address, server.port)
  await sockets.settled()
  t.equal(box.all.length, 0)
  t.equal((await ask(Uint8Array.from([0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]))).rcode, 'FORMERR')
  t.same(counters.snapshot(), { 'dns.ignored': 1, 'dns.malformed': 2, 'dns.queries': 3 })
})

t.test('a truncated answer is counted', async (t) => {
  const { counters, client } = await setUp(planOf(crowdedModel()))
  const { ask } = await client('172.16.0.21')
  t.equal((await ask(encode({ name: 'many.example.localdomain' }))).flag_tc, true)
  t.equal(counters.get('dns.truncated'), 1)
})

t.test('other names are resolved for clients of the site only', async (t) => {
  const { service, sockets, counters, lines, client } = await setUp()
  const resolver = await sockets.bindUdp(upstream)
  resolver.receive((batch) => {
    for (const { payload, address, port } of batch) {
      const { id, questions } = dnsPacket.decode(payload)
      const answers = [{ type: 'A', name: 'quay.io', ttl: 60, data: '192.0.2.1' }]
      resolver.send(dnsPacket.encode({ type: 'response', id, questions, answers }), address, port)
    }
  })
  const node = await client('172.16.0.21')
  t.match(await node.ask(encode({ name: 'Quay.io', id: 9 })), {
    id: 9,
    rcode: 'NOERROR',
    questions: [{ name: 'Quay.io' }],
    answers: [{ data: '192.0.2.1' }],
  })
  const outsider = await client('198.51.100.7')
  t.match(await outsider.ask(encode({ name: 'quay.io' })), { rcode: 'REFUSED', flag_ra: false })
  t.match(await outsider.ask(encode({ name: 'api.ocp45.example.localdomain' })), { rcode: 'NOERROR' })
  t.same(counters.snapshot(), {
    'dns.answered': 1,
    'dns.cacheMisses': 1,
    'dns.forwarded': 1,
    'dns.queries': 3,
    'dns.refused': 1,
  })
  t.match(service.resolvers(), [{ address: '192.168.124.1', isAnswering: true, latencyMs: 0 }])
  t.equal(service.cache().entries, 1)
  t.match(lines, [{ level: 'info', msg: 'undeclared client refused', question: 'quay.io A' }])
})

t.test('two resolvers with one address and different ports are two resolvers', async (t) => {
  const plan = planOf(guideModel())
  const resolvers = [53, 5353].map((port) => ({ address: '192.0.2.53', port }))
  const { service } = await setUp({ ...plan, resolvers })
  t.match(service.resolvers(), [{ address: '192.0.2.53' }, { address: '192.0.2.53:5353' }])
})

t.test('an undeclared client that floods is rate-limited unless it proves its address', async (t) => {
  const { sockets, counters, lines, client } = await setUp()
  const flood = async (address: string, query: Uint8Array, count: number) => {
    const { port, box } = await client(address)
    for (let index = 0; index < count; index++) port.send(query, server.address, server.port)
    await sockets.settled()
    return box.all.map(({ payload }) => payload)
  }
  const name = 'api.ocp45.example.localdomain'
  const replies = await flood('198.51.100.7', encode({ name, edns: {} }), 54)
  t.equal(replies.length, 52, 'every other reply beyond fifty is left out')
  const slipped = replies.at(-1) ?? new Uint8Array(12)
  t.match(dnsPacket.decode(slipped), { flag_tc: true, questions: [{ name }], answers: [], additionals: [] })
  t.equal(slipped.length, encode({ name }).length, 'the others are no longer than their questions')
  t.same(
    (await flood('198.51.100.8', hex('0001 0100 0000 0000 0000 0000'), 2)).map((reply) => reply.length),
    [12],
    'errors count too',
  )
  t.match(counters.snapshot(), { 'dns.rateDropped': 3, 'dns.rateSlipped': 3 })
  t.match(lines, [{ level: 'warn', network: '198.51.100.0/24' }])

  t.equal((await flood('172.16.0.21', encode({ name }), 200)).length, 200, "the site's own are not counted")
  const fresh = await flood('203.0.113.7', withCookie(name, '0102030405060708', 100), 1)
  const option = dnsPacket.decode(fresh[0] ?? new Uint8Array(12)).additionals[0]?.options?.[0] as {
    data: Buffer
  }
  const known = await flood('203.0.113.7', withCookie(name, option.data.toString('hex')), 200)
  t.equal(known.length, 200, 'nor a client that returns our cookie (RFC 7873 §6)')
})

t.test('every kind of answer has a cookie (RFC 7873 §5.2.3)', async (t) => {
  const { client } = await setUp()
  const { ask } = await client('172.16.0.21')
  for (const name of ['m1.ocp45.example.localdomain', 'x.ocp45.example.localdomain', 'version.bind']) {
    const padded = withCookie(name, '0102030405060708', 100)
    const { additionals } = await (await client('198.51.100.9')).ask(padded)
    const cookie = (additionals[0]?.options as { code: number; data: Buffer }[]).find(
      ({ code }) => code === 10,
    )
    t.equal(cookie?.data.toString('hex').slice(0, 16), '0102030405060708', name)
    t.equal(cookie?.data.length, 24)
  }
  t.equal((await ask(withCookie('m1.ocp45.example.localdomain', '01020304050607'))).rcode, 'FORMERR')
})

t.test('NSID contains the host name where the site enables it (RFC 5001)', async (t) => {
  const { client, swap } = await setUp()
  const { ask } = await client('172.16.0.21')
  const query = Buffer.from(encode({ name: 'm1.ocp45.example.localdomain', edns: {} }))
  query.writeUInt16BE(4, query.length - 2)
  const asked = Buffer.concat([query, Buffer.of(0, 3, 0, 0)])
  t.same((await ask(asked)).additionals[0]?.options, [])
  swap(planOf(guideModel((site) => (site.dns['nsid'] = true))))
  t.match((await ask(asked)).additionals[0]?.options, [{ code: 3, data: Buffer.from(hostname()) }])
})

t.test('the next query uses the new plan', async (t) => {
  const { client, swap } = await setUp()
  const { ask } = await client('172.16.0.21')
  const query = encode({ name: 'new.example.localdomain' })
  t.equal((await ask(query)).rcode, 'NXDOMAIN')
  swap(
    planOf(
      guideModel((site) => site.hosts.push({ name: 'new.example.localdomain', address: '172.16.0.60' })),
    ),
  )
  t.match((await ask(query)).answers, [{ data: '172.16.0.60' }])
})

t.test('a bug fails one query and is logged with the packet', async (t) => {
  const { client, swap, sockets, counters, lines } = await setUp()
  const { port, ask } = await client('172.16.0.21')
  swap({ ...planOf(guideModel()), names: undefined as unknown as DnsPlan['names'] })
  port.send(encode({ name: 'm1.example.net' }), server.address, server.port)
  await sockets.settled()
  t.match(lines, [{ level: 'error', msg: 'query failed', packet: /^00010100/ }])
  t.equal(counters.get('dns.failures'), 1)
  swap(planOf(guideModel()))
  t.equal((await ask(encode({ name: 'm1.ocp45.example.localdomain' }))).rcode, 'NOERROR')
})

t.test('close sends pending answers and leaves no socket open', async (t) => {
  const { service, sockets, clock, client } = await setUp()
  const { port, box } = await client('172.16.0.21')
  port.send(encode({ name: 'quay.io', id: 3 }), server.address, server.port)
  await sockets.settled()
  const closed = service.close(100)
  clock.advance(100)
  await closed
  await sockets.settled()
  t.match(dnsPacket.decode(box.all[0]?.payload ?? new Uint8Array(12)), { id: 3, rcode: 'SERVFAIL' })
  t.same(sockets.open(), [`172.16.0.21:${port.local.port}`])
  t.equal(clock.pending(), 0)
})

t.test('a lost socket is reported', async (t) => {
  const ports: Parameters<typeof network.lose>[0][] = []
  const network = memorySockets()
  const lost: string[] = []
  const sockets: Sockets = {
    ...network,
    tcp: () => Promise.resolve(),
    udp: async (name, options) => {
      const bound = await network.udp(name, options)
      ports.push(...bound)
      return bound
    },
  }
  const options = { sockets, log: silentLog(), counters: new Counters(), clock: fakeClock() }
  const service = await startDns({
    ...options,
    plan: () => planOf(guideModel()),
    onLost: (error) => lost.push(error.message),
  })
  for (const port of ports) network.lose(port, new Error('gone'))
  t.same(lost, ['gone'])
  await service.close(0)
})

t.test('a failed TCP socket fails the start and closes the others', async (t) => {
  const sockets = memorySockets()
  const options = {
    sockets,
    log: silentLog(),
    counters: new Counters(),
    clock: fakeClock(),
    onLost: () => undefined,
  }
  await t.rejects(startDns({ ...options, plan: () => planOf(guideModel()) }), { message: 'no TCP in memory' })
  t.same(sockets.open(), [])
})

/** The service on real sockets of loopback. */
async function onLoopback(t: Test) {
  const clock = fakeClock()
  const counters = new Counters()
  const sockets = createSockets({})
  const plan: DnsPlan = { ...planOf(crowdedModel()), listen: { address: '127.0.0.1', port: 0 } }
  const options = { sockets, log: silentLog(), counters, clock, onLost: () => undefined }
  const service = await startDns({ ...options, plan: () => plan })
  t.teardown(async () => {
    const closed = service.close(0)
    clock.advance(0)
    await closed
  })
  const portOf = (transport: string) => {
    const listening = service.listening.find((each) => each.startsWith(transport))
    return Number(listening?.split(':').at(-1))
  }
  return { sockets, counters, portOf }
}

t.test('an answer truncated over UDP is complete over TCP on loopback', async (t) => {
  const { sockets, portOf } = await onLoopback(t)
  const query = encode({ name: 'many.example.localdomain', type: 'AAAA', id: 4 })
  const udp = await sockets.bindUdp({ address: '127.0.0.1', port: 0 })
  t.teardown(() => udp.close())
  const box = inbox(udp)
  udp.send(query, '127.0.0.1', portOf('udp'))
  t.equal(dnsPacket.decode((await box.next()).payload).flag_tc, true)

  const socket = connect(portOf('tcp'), '127.0.0.1')
  socket.end(frame(query))
  const frames = createFrameReader()
  const messages: Uint8Array[] = []
  socket.on('data', (chunk) => messages.push(...frames.push(chunk)))
  await once(socket, 'close')
  t.equal(messages.length, 1)
  t.equal(dnsPacket.decode(messages[0] ?? new Uint8Array(12)).answers.length, 100)
})

t.test('a resolver without an answer is a problem with a time, until a probe is answered', async (t) => {
  const { service, sockets, client, clock } = await setUp()
  const { port } = await client('172.16.0.31')
  const advance = async () => {
    clock.advance(1000)
    await setImmediate()
  }
  for (let time = 0; time < 20 && service.problems().length === 0; time++) {
    port.send(encode({ name: `${time}.quay.io` }), server.address, server.port)
    await advance()
  }
  const [problem] = service.problems()
  t.match(problem, {
    code: 'dns.resolver-unreachable',
    text: /^resolver 192\.168\.124\.1 has not answered since 20\d\d-\d\d-\d\d \d\d:\d\d UTC$/,
  })
  await advance()
  t.same(service.problems(), [problem], 'the time stays')
  const resolver = await sockets.bindUdp(upstream)
  resolver.receive((batch) => {
    for (const { payload, address, port } of batch) {
      const { id, questions } = dnsPacket.decode(payload)
      resolver.send(dnsPacket.encode({ type: 'response', id, questions }), address, port)
    }
  })
  for (let time = 0; time < 20 && service.problems().length > 0; time++) await advance()
  t.same(service.problems(), [])
})
