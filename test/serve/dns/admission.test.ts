import t from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import { createAccess, createRateLimit, networkOf } from '../../../src/serve/dns/admission.ts'
import { guideModel, zones } from '../../plan/dns/guide.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { planOf } from './ask.ts'

function setUp() {
  const clock = fakeClock()
  const counters = new Counters()
  const lines: Record<string, unknown>[] = []
  const log = createLog('info', {
    write: (text) => void lines.push(JSON.parse(text) as Record<string, unknown>),
  })
  const rateLimit = createRateLimit({ clock, log, counters })
  /** How each of `count` replies at one moment is judged. */
  const judged = (address: string, count: number) => {
    const verdicts = { send: 0, slip: 0, drop: 0 }
    for (let index = 0; index < count; index++) verdicts[rateLimit.decide(address)]++
    return verdicts
  }
  return { clock, counters, lines, judged }
}

t.test(
  'a network gets a burst of fifty replies and then fifty a second; every second reply above that is truncated',
  (t) => {
    const { clock, counters, judged } = setUp()
    t.same(judged('198.51.100.7', 150), { send: 50, slip: 50, drop: 50 })
    t.same(judged('198.51.100.200', 2), { send: 0, slip: 1, drop: 1 }, 'its addresses share them')
    t.same(judged('198.51.101.7', 50), { send: 50, slip: 0, drop: 0 }, 'other networks have their own')
    clock.advance(100)
    t.same(judged('198.51.100.7', 7), { send: 5, slip: 1, drop: 1 })
    clock.advance(10_000)
    t.equal(judged('198.51.100.7', 100).send, 50, 'nothing is saved up')
    t.same(counters.snapshot(), { 'dns.rateDropped': 77, 'dns.rateSlipped': 77 })
    t.end()
  },
)

t.test('each flood is logged once', (t) => {
  const { clock, lines, judged } = setUp()
  judged('198.51.100.7', 1000)
  judged('198.51.101.7', 1000)
  clock.advance(59_000)
  judged('198.51.100.7', 100)
  t.match(lines, [
    {
      level: 'warn',
      network: '198.51.100.0/24',
      perSecond: 50,
      msg: 'DNS replies rate-limited',
    },
  ])
  t.equal(lines.length, 1)
  clock.advance(60_000)
  judged('2001:db8::1', 100)
  t.match(lines[1], { network: '20010db8000000::/56' })
  t.end()
})

t.test('the oldest networks are forgotten first', (t) => {
  const { judged } = setUp()
  judged('198.51.100.7', 50)
  for (let index = 0; index < 16_384; index++) judged(`10.${index >> 8}.${index & 255}.1`, 1)
  t.equal(judged('198.51.100.7', 1).send, 1)
  t.equal(judged('10.63.255.1', 50).send, 49)
  t.end()
})

t.test('an address belongs to its /24 or /56', (t) => {
  const cases = {
    '192.0.2.77': '192.0.2.0/24',
    '2001:db8:1:2ff::1': '20010db8000102::/56',
    'fe80::1%eth0': 'fe800000000000::/56',
  }
  for (const [address, network] of Object.entries(cases)) t.equal(networkOf(address), network)
  t.end()
})

t.test('the server resolves other names for clients of the site only', (t) => {
  const plan = planOf(guideModel())
  const access = createAccess()
  const cases = [
    { name: 'a node', address: '172.16.0.21', may: true },
    { name: 'the office', address: '192.168.124.77', may: true },
    { name: 'an undeclared client', address: '198.51.100.7', may: false },
    { name: 'a neighbor of the office', address: '192.168.125.1', may: false },
    { name: 'this machine, over loopback', address: '127.0.0.53', may: true },
    { name: 'this machine, over IPv6 loopback', address: '::1', may: true },
    { name: 'IPv6', address: '2001:db8::1', may: false },
  ]
  for (const { name, address, may } of [...cases, ...cases])
    t.equal(access(plan, address).mayForward, may, name)
  t.end()
})

t.test('this machine may forward although dns.clients does not contain it', (t) => {
  const plan = planOf(guideModel((site) => (site.dns = { zones, clients: ['10.0.0.0/8'] })))
  t.equal(createAccess()(plan, '172.16.0.101').mayForward, true)
  t.equal(createAccess()(plan, '172.16.0.21').mayForward, false)
  t.end()
})

t.test('a new plan replaces earlier decisions', (t) => {
  const access = createAccess()
  const first = planOf(guideModel())
  t.same(access(first, '10.0.0.1'), { mayForward: false, isKnown: false, isSecondary: false })
  const other = planOf(
    guideModel((site) => (site.dns = { zones, clients: ['10.0.0.0/8'], secondaries: ['10.0.0.1'] })),
  )
  t.same(access(other, '10.0.0.1'), { mayForward: true, isKnown: true, isSecondary: true })
  t.same(access(first, '10.0.0.1'), { mayForward: false, isKnown: false, isSecondary: false })
  t.end()
})

t.test('a secondary with an IPv6 address may transfer zones, but not query other names', (t) => {
  const plan = planOf(
    guideModel((site) => {
      site.server['address6'] = 'fd00:16::101'
      site.dns['secondaries'] = '2001:DB8:0::53'
    }),
  )
  const access = createAccess()
  t.same(access(plan, '2001:db8::53'), { mayForward: false, isKnown: true, isSecondary: true })
  t.same(access(plan, '2001:db8::54'), { mayForward: false, isKnown: false, isSecondary: false })
  t.end()
})

t.test('decisions stay correct for more addresses than are kept', (t) => {
  const plan = planOf(guideModel())
  const access = createAccess()
  const wrong = Array.from({ length: 5000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`).filter(
    (address) => access(plan, address).mayForward,
  )
  t.same(wrong, [])
  t.same(access(plan, '172.16.0.21'), { mayForward: true, isKnown: true, isSecondary: false })
  t.end()
})
