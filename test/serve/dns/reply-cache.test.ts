import t from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import type { DnsPlan } from '../../../src/plan/dns/plan.ts'
import { createCookies } from '../../../src/serve/dns/cookies.ts'
import { createReplyCache } from '../../../src/serve/dns/reply-cache.ts'
import { createResponder } from '../../../src/serve/dns/respond.ts'
import { crowdedModel, guideModel } from '../../plan/dns/guide.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { silentLog } from '../../support/silent-log.ts'
import { encode, planOf } from './ask.ts'

const plan = planOf(guideModel())

t.test('a reply is found from the second time on, with the ID of the query', (t) => {
  const cache = createReplyCache()
  const out = new Uint8Array(2048)
  const reply = Uint8Array.of(9, 9, 5, 6, 7)
  const query = Uint8Array.of(1, 2, 3, 4)
  const ask = (mayForward = true, from: DnsPlan = plan) => cache.find(from, mayForward, query, out)
  for (let time = 0; time < 2; time++) {
    t.equal(ask(), 0)
    cache.keep(query, reply, 2)
  }
  t.equal(ask(), 5)
  t.equal(cache.outcome(), 2)
  t.same([...out.subarray(0, 5)], [1, 2, 5, 6, 7])
  t.equal(ask(false), 0, 'another permission')
  t.equal(cache.find(plan, true, Uint8Array.of(1, 2, 3), out), 0)
  t.equal(cache.find(plan, true, Uint8Array.of(1, 2, 3, 5), out), 0)
  t.equal(ask(), 5)
  t.equal(ask(true, planOf(crowdedModel())), 0, 'another plan')
  t.end()
})

t.test('long queries and replies are not kept', (t) => {
  const cache = createReplyCache()
  const out = new Uint8Array(2048)
  for (const [queryOctets, replyOctets] of [
    [129, 10],
    [10, 385],
  ] as const) {
    const query = new Uint8Array(queryOctets)
    for (let time = 0; time < 4; time++) {
      t.equal(cache.find(plan, true, query, out), 0)
      cache.keep(query, new Uint8Array(replyOctets), 0)
    }
  }
  t.end()
})

t.test('a query that is sent once does not replace a repeated one at once', (t) => {
  const cache = createReplyCache()
  const out = new Uint8Array(2048)
  const queryOf = (value: number) => Uint8Array.of(0, 0, value >>> 8, value, 1, 2, 3)
  const learn = (value: number) => {
    const length = cache.find(plan, true, queryOf(value), out)
    if (length === 0) cache.keep(queryOf(value), Uint8Array.of(0, 0, value >>> 8, value), 0)
    return length
  }
  for (let time = 0; time < 2; time++) for (let value = 0; value < 30_000; value++) learn(value)
  for (let value = 0; value < 30_000; value++) {
    // Entries are shared, so a reply can be missing, but is never that of another query.
    if (learn(value) > 0) t.same([out[2], out[3]], [value >>> 8, value & 255])
  }
  t.end()
})

/** A responder, and what it replies to a query when it is asked for the nth time. */
function setUp(isDebug = false) {
  const clock = fakeClock()
  const counters = new Counters()
  const log = isDebug ? createLog('debug', { write: () => undefined }) : silentLog()
  const responder = createResponder({
    ...{ clock, counters, log },
    cookies: createCookies(new Uint8Array(16), clock),
    machine: Uint8Array.of(0, 3, 0, 1, 65),
  })
  const out = new Uint8Array(65_535)
  const ask = (query: Uint8Array, address = '172.16.0.21', from = plan, transport: 'udp' | 'tcp' = 'udp') => {
    const length = responder.respond(from, query, address, 4000, transport, out.fill(0xee))
    return typeof length === 'number' ? Buffer.from(out.subarray(0, length)).toString('hex') : length.kind
  }
  return { ask, counters }
}

const names = [
  'api-int.ocp45.example.localdomain',
  'API.ocp45.example.localdomain',
  'foo.apps.ocp45.example.localdomain',
  'missing.ocp45.example.localdomain',
  'ocp45.example.localdomain',
  'many.example.localdomain',
  'quay.io',
]

t.test('repeated queries get the replies that they got the first time', (t) => {
  const options = [{}, { edns: {} }, { edns: { size: 512, isDnssecOk: true } }, { flags: 0 }]
  // The nodes are known clients, also where they may not query other names.
  for (const from of [plan, planOf(crowdedModel()), { ...plan, clients: [] }]) {
    for (const address of ['172.16.0.21', '127.0.0.1']) {
      const { ask } = setUp()
      for (const name of names) {
        for (const type of ['A', 'AAAA', 'SOA', 'TXT', 'AXFR'] as const) {
          for (const more of options) {
            const query = encode({ name, type, id: 0x1234, ...more })
            const fresh = setUp().ask(query, address, from)
            for (let time = 0; time < 4; time++) {
              t.equal(ask(query, address, from), fresh, `${name} ${type} for ${address}, time ${time}`)
            }
          }
        }
      }
    }
  }
  t.end()
})

t.test('repeated queries are counted as the first one is', (t) => {
  const { ask, counters } = setUp()
  for (let id = 1; id <= 5; id++) {
    const reply = ask(encode({ name: 'api-int.ocp45.example.localdomain', id }))
    t.equal(reply.slice(0, 4), `000${id}`)
    ask(encode({ name: 'missing.ocp45.example.localdomain', id }))
    ask(encode({ name: 'api.ocp45.example.localdomain', type: 'AAAA', id }))
  }
  t.same(counters.snapshot(), {
    'dns.answered': 5,
    'dns.nodata': 5,
    'dns.nxdomain': 5,
    'dns.queries': 15,
  })
  t.end()
})

t.test('addresses take turns, TCP is answered from the zones, and debug lines are complete', (t) => {
  const { ask } = setUp()
  const crowded = planOf(crowdedModel())
  const query = (id: number) => encode({ name: 'many.example.localdomain', id, edns: {} })
  for (let time = 0; time < 3; time++) {
    const replies = [0, 1, 2, 3].map((id) => ask(query(id), '172.16.0.21', crowded, 'tcp').slice(4))
    t.ok(new Set(replies).size > 1)
  }
  const debug = setUp(true)
  for (let time = 0; time < 4; time++) debug.ask(query(1))
  t.equal(debug.counters.get('dns.queries'), 4)
  t.end()
})
