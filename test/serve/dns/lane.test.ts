import t from 'tap'
import { createOutbox } from '../../../src/host/lane/outbox.ts'
import type { DnsPlan } from '../../../src/plan/dns/plan.ts'
import { createDnsProgram, type DnsLaneMessage } from '../../../src/serve/dns/lane.ts'
import { crowdedModel, guideModel } from '../../plan/dns/guide.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { encode, planOf } from './ask.ts'

/** The program of the lane in this thread. */
function setUp(first: DnsPlan = planOf(guideModel())) {
  const unread = new Int32Array(new SharedArrayBuffer(4))
  const outbox = createOutbox<DnsLaneMessage>(false, unread, 2000)
  const data = { secret: new Uint8Array(16), machine: Uint8Array.of(0, 3, 0, 1, 65) }
  const program = createDnsProgram(data, outbox, fakeClock())
  const reply = new Uint8Array(2048)
  let version = 0
  const send = (plan: DnsPlan) => program.receive({ version: ++version, plan: { ...plan, names: new Map() } })
  const apply = (plan: DnsPlan) => {
    send(plan)
    while (program.step());
  }
  const ask = (query: Uint8Array, address = '172.16.0.21') => {
    const octets = program.answer(query, reply, { address, port: 4000, socket: 0, slot: 0, to: undefined })
    return octets === 0 ? undefined : dnsPacket.decode(reply.slice(0, octets))
  }
  const messages = () => outbox.take()?.messages ?? []
  apply(first)
  return { program, outbox, send, apply, ask, messages }
}

t.test('names of the zones are answered', (t) => {
  const { ask, outbox } = setUp()
  t.match(ask(encode({ name: 'api-int.ocp45.example.localdomain', id: 5 })), {
    id: 5,
    answers: [{ data: '172.16.0.110' }],
  })
  t.equal(ask(encode({ name: 'x.ocp45.example.localdomain' }))?.rcode, 'NXDOMAIN')
  t.equal(ask(Uint8Array.of(1, 2, 3)), undefined)
  t.equal(outbox.counters.get('dns.queries'), 3)
  t.end()
})

t.test('a new plan is applied between two answers', (t) => {
  const { program, send, ask, messages } = setUp()
  t.same(messages(), [{ kind: 'applied', version: 1 }])
  const next = planOf(crowdedModel())
  const records = Array.from({ length: 600 }, (_, index) => {
    return {
      owner: `n${index}.many.test`,
      ttlSeconds: 60,
      data: { type: 'CNAME', target: 'many.test' },
    } as const
  })
  send({ ...next, zones: [...next.zones, { name: 'many.test', records }] })
  const many = encode({ name: 'many.example.localdomain' })
  t.equal(program.step(), true)
  t.not(ask(many)?.flag_tc, true, 'the old plan answers while the new one is compiled')
  while (program.step());
  t.equal(ask(many)?.flag_tc, true)
  t.same(messages(), [{ kind: 'applied', version: 2 }])
  t.equal(program.step(), false)
  t.end()
})

t.test('other names go to the main thread, which sends the answer', (t) => {
  const { ask, messages, outbox } = setUp()
  const query = encode({ name: 'quay.io', id: 7 })
  messages()
  t.equal(ask(query), undefined)
  t.match(messages(), [
    {
      kind: 'forward',
      address: '172.16.0.21',
      port: 4000,
      socket: 0,
      request: { transport: 'udp', resolvers: [{ address: '192.168.124.1', port: 53 }] },
    },
  ])
  for (let index = 0; index < 2257; index++) ask(query)
  t.equal(outbox.counters.get('dns.forwardOverflow'), 3, 'with a bound')
  t.same(outbox.take()?.counts?.refusals, [['dns.forward-limit', 3]])
  t.end()
})

t.test('the rate limit of other clients applies in the lane', (t) => {
  const { ask, outbox } = setUp()
  const query = encode({ name: 'api.ocp45.example.localdomain' })
  const replies = Array.from({ length: 54 }, () => ask(query, '198.51.100.7'))
  t.equal(replies.filter((reply) => reply !== undefined).length, 52)
  t.same(replies.at(-1)?.answers, [], 'a cut reply, which is not written in place')
  t.match(outbox.take()?.lines, [{ level: 'warn', message: 'DNS replies rate-limited' }])
  t.end()
})

t.test('a zone is not transferred over UDP', (t) => {
  const plan = planOf(guideModel())
  const { ask } = setUp({ ...plan, secondaries: [{ address: '192.0.2.53', port: 53 }] })
  const query = encode({ name: 'example.localdomain', type: 'AXFR' })
  t.equal(ask(query, '192.0.2.53')?.rcode, 'REFUSED')
  t.end()
})

t.test('queries that are too long are counted', (t) => {
  const { program, outbox } = setUp()
  program.tooLong()
  t.same(outbox.counters.snapshot(), { 'dns.malformed': 1, 'dns.queries': 1 })
  t.end()
})
