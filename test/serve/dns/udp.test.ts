/** The same requests on real sockets through the lane, and through the main thread. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { startDelayMs } from '../../../src/host/lane/planned.ts'
import { createSockets } from '../../../src/host/sockets.ts'
import type { Sockets } from '../../../src/host/udp.ts'
import type { DnsPlan } from '../../../src/plan/dns/plan.ts'
import { startDns } from '../../../src/serve/dns/service.ts'
import { crowdedModel, guideModel } from '../../plan/dns/guide.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { silentLog } from '../../support/silent-log.ts'
import { until } from '../../support/until.ts'
import { encode, planOf } from './ask.ts'

const onLoopback = (plan: DnsPlan): DnsPlan => ({ ...plan, listen: { address: '127.0.0.1', port: 0 } })

const variants: readonly { readonly name: string; readonly sockets: () => Sockets }[] = [
  { name: 'the lane', sockets: () => createSockets({}) },
  {
    name: 'the main thread',
    sockets: () => ({ ...createSockets({}), lane: () => Promise.resolve({ reason: 'of a test' }) }),
  },
]

async function setUp(t: Test, sockets: Sockets, name = 'the main thread') {
  const clock = fakeClock()
  const counters = new Counters()
  let plan = onLoopback(planOf(guideModel()))
  const options = { sockets, log: silentLog(), counters, clock, onLost: () => undefined }
  const service = await startDns({ ...options, plan: () => plan })
  await service.apply()
  if (name === 'the lane') {
    clock.advance(startDelayMs)
    await until(() => service.lane.isAnswering())
  }
  t.teardown(async () => {
    const closed = service.close(0)
    clock.advance(0)
    await closed
  })
  const client = createSocket('udp4')
  client.bind(0, '127.0.0.1')
  await once(client, 'listening')
  t.teardown(() => client.close())
  const port = Number(service.listening[0]?.split(':').at(-1))
  const send = (query: Uint8Array) => client.send(query, port, '127.0.0.1')
  const ask = async (query: Uint8Array) => {
    const reply = once(client, 'message') as Promise<[Buffer]>
    send(query)
    return dnsPacket.decode((await reply)[0])
  }
  const apply = (next: DnsPlan) => {
    plan = onLoopback(next)
    return service.apply()
  }
  return { service, counters, ask, apply, clock }
}

for (const { name, sockets } of variants) {
  t.test(`${name} answers names of the site`, async (t) => {
    const { ask, counters } = await setUp(t, sockets(), name)
    t.match(await ask(encode({ name: 'api-int.ocp45.example.localdomain', id: 9 })), {
      id: 9,
      flag_aa: true,
      answers: [{ data: '172.16.0.110' }],
    })
    t.equal((await ask(encode({ name: 'x.ocp45.example.localdomain' }))).rcode, 'NXDOMAIN')
    await until(() => counters.get('dns.queries') === 2)
    t.match(counters.snapshot(), { 'dns.answered': 1, 'dns.nxdomain': 1 })
  })

  t.test(`${name} answers from a new plan when it is applied`, async (t) => {
    const { ask, apply } = await setUp(t, sockets(), name)
    const many = encode({ name: 'many.example.localdomain' })
    t.not((await ask(many)).flag_tc, true)
    await apply(planOf(crowdedModel()))
    t.equal((await ask(many)).flag_tc, true)
  })

  t.test(`${name} has the new serial when a secondary is notified of it`, async (t) => {
    const { ask, apply } = await setUp(t, sockets(), name)
    const secondary = createSocket('udp4')
    secondary.bind(0, '127.0.0.1')
    await once(secondary, 'listening')
    t.teardown(() => secondary.close())
    const notified = once(secondary, 'message')
    const secondaries = [{ address: '127.0.0.1', port: secondary.address().port }]
    const applied = apply({ ...planOf({ ...crowdedModel(), serial: 4711 }), secondaries })
    await notified
    const { answers } = await ask(encode({ name: 'example.localdomain', type: 'SOA' }))
    t.match(answers, [{ data: { serial: 4711 } }])
    await applied
  })

  t.test(`${name} answers other names from a resolver, and then from the cache`, async (t) => {
    const { ask, apply, counters } = await setUp(t, sockets(), name)
    const resolver = createSocket('udp4')
    resolver.bind(0, '127.0.0.1')
    await once(resolver, 'listening')
    t.teardown(() => resolver.close())
    resolver.on('message', (payload, from) => {
      const { id, questions } = dnsPacket.decode(payload)
      const answers = [{ type: 'A', name: 'quay.io', ttl: 60, data: '192.0.2.1' }]
      const reply = dnsPacket.encode({ type: 'response', id, questions, answers })
      resolver.send(reply, from.port, from.address)
    })
    const resolvers = [{ address: '127.0.0.1', port: resolver.address().port }]
    await apply({ ...planOf(guideModel()), resolvers, isForwarding: true })
    for (const id of [1, 2]) {
      t.match(await ask(encode({ name: 'quay.io', id })), { id, answers: [{ data: '192.0.2.1' }] })
    }
    t.match(counters.snapshot(), { 'dns.forwarded': 1, 'dns.cacheHits': 1 })
  })
}

t.test('the main thread answers until the lane does, and while it is started again', async (t) => {
  const { service, ask, clock, counters, apply } = await setUp(t, createSockets({}))
  const query = encode({ name: 'api.ocp45.example.localdomain' })
  t.equal(service.lane.isAnswering(), false)
  t.equal((await ask(query)).rcode, 'NOERROR')
  t.same(
    [service.lane.warnings(), service.lane.problems()],
    [[], []],
    'nothing to report before the lane starts',
  )
  clock.advance(startDelayMs)
  await until(() => service.lane.isAnswering())
  t.equal((await ask(query)).rcode, 'NOERROR')
  // The thread completes no round in the time of this clock, so it is ended.
  clock.advance(10_000)
  await until(() => !service.lane.isAnswering())
  t.match(service.lane.problems(), [{ code: 'server.lane-stopped' }])
  t.equal(counters.get('dns.laneStopped'), 1)
  t.equal((await ask(query)).rcode, 'NOERROR')
  const many = encode({ name: 'many.example.localdomain' })
  await apply(planOf(crowdedModel()))
  t.equal((await ask(many)).flag_tc, true, 'a reload does not wait for the lane')
  clock.advance(100)
  await until(() => service.lane.isAnswering())
  t.equal((await ask(many)).flag_tc, true, 'the new thread starts with the latest plan')
})

t.test(
  'a reload before the lane starts applies at once, and the lane starts with the latest plan',
  async (t) => {
    const { service, ask, clock, apply } = await setUp(t, createSockets({}))
    const many = encode({ name: 'many.example.localdomain' })
    t.not((await ask(many)).flag_tc, true)
    await apply(planOf(crowdedModel()))
    t.equal((await ask(many)).flag_tc, true)
    clock.advance(startDelayMs - 1)
    t.equal(service.lane.isAnswering(), false)
    clock.advance(1)
    await until(() => service.lane.isAnswering())
    t.equal((await ask(many)).flag_tc, true)
  },
)

t.test('a service that ends before its lane starts does not start it', async (t) => {
  const clock = fakeClock()
  const plan = onLoopback(planOf(guideModel()))
  const options = { sockets: createSockets({}), log: silentLog(), counters: new Counters(), clock }
  const service = await startDns({ ...options, plan: () => plan, onLost: () => undefined })
  await service.apply()
  const closed = service.close(0)
  clock.advance(startDelayMs)
  await closed
  t.equal(service.lane.isAnswering(), false)
  t.equal(clock.pending(), 0)
})

t.test('the status names the reason where lanes are not available', async (t) => {
  const { service } = await setUp(t, variants[1]!.sockets())
  t.match(service.lane.warnings(), [{ code: 'server.lane-unavailable', severity: 'warning', about: 'dns' }])
  t.same(service.lane.problems(), [])
})

t.test('a port that is taken fails the start as without a lane', async (t) => {
  const { service } = await setUp(t, variants[0]!.sockets(), 'the lane')
  t.same([service.lane.warnings(), service.lane.problems()], [[], []])
  const port = Number(service.listening[0]?.split(':').at(-1))
  const plan = { ...planOf(guideModel()), listen: { address: '127.0.0.1', port } }
  for (const { sockets } of variants) {
    const options = {
      log: silentLog(),
      counters: new Counters(),
      clock: fakeClock(),
      onLost: () => undefined,
    }
    await t.rejects(startDns({ ...options, sockets: sockets(), plan: () => plan }), { name: 'CannotListen' })
  }
})
