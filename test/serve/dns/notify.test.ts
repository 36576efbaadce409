/** Secondaries told of changes, on a network in memory and a clock in hand. */
import t, { type Test } from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import type { Log } from '../../../src/host/log.ts'
import { createNotifier } from '../../../src/serve/dns/notify.ts'
import type { DnsPlan } from '../../../src/plan/dns/plan.ts'
import { guideModel } from '../../plan/dns/guide.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { inbox, memorySockets } from '../../support/memory-sockets.ts'
import { planOf } from './ask.ts'

const primary = '172.16.0.101'
const secondary = '192.0.2.53'
const zones = ['example.localdomain', '0.16.172.in-addr.arpa']

const primary6 = 'fd00:16::101'
const secondary6 = '2001:db8::53'

function plan(serial: number, secondaries: readonly string[] = [secondary]): DnsPlan {
  const model = guideModel((site) => {
    site.server['address6'] = primary6
    site.dns['secondaries'] = secondaries
  })
  return planOf({ ...model, serial })
}

async function world(t: Test) {
  const sockets = memorySockets()
  const clock = fakeClock()
  const advance = (ms: number) => clock.advance(ms)
  const counters = new Counters()
  const lines: string[] = []
  const write = (facts: object, message: string) => {
    lines.push(`${message} ${Object.values(facts).join(' ')}`)
  }
  const log = { info: write, warn: write, error: write, debug: write, isDebug: () => false } as unknown as Log
  const notifier = createNotifier({ sockets, clock, counters, log })
  const port = await sockets.bindUdp({ address: secondary, port: 53 })
  const arrived = inbox(port)
  t.teardown(() => notifier.close())
  return { sockets, advance, counters, lines, notifier, port, arrived }
}

/** The zones that were told since the last look, with their serials. */
function said(arrived: { readonly all: readonly { payload: Uint8Array }[] }, from = 0): string[] {
  return arrived.all.slice(from).map(({ payload }) => {
    const { questions, answers } = dnsPacket.decode(payload)
    return `${questions[0]?.name ?? ''} ${(answers[0]?.data as { serial: number }).serial}`
  })
}

/** What a secondary says: the header and the question back, with QR (RFC 1996 §4.7). */
function reply(payload: Uint8Array, rcode = 0, opcode = 4): Uint8Array {
  const { id, questions } = dnsPacket.decode(payload)
  const octets = Uint8Array.from(dnsPacket.encode({ type: 'response', id, questions }))
  octets[2] = 0x80 | (opcode << 3)
  octets[3] = rcode
  return octets
}

t.test('a notification is a query of opcode NOTIFY with the SOA record (RFC 1996 §3.7)', async (t) => {
  const { sockets, notifier, arrived } = await world(t)
  notifier.announce(plan(5))
  await sockets.settled()
  t.same(said(arrived), [`${zones[0]} 5`, `${zones[1]} 5`], 'each zone of ours, none that everybody has')
  const [first] = arrived.all
  t.match(dnsPacket.decode(first?.payload ?? new Uint8Array()), {
    type: 'query',
    opcode: 'NOTIFY',
    flag_aa: true,
    flag_rd: false,
    questions: [{ name: zones[0], type: 'SOA', class: 'IN' }],
    answers: [{ name: zones[0], type: 'SOA' }],
  })
  t.equal(first?.address, primary, 'from the address that secondaries know (RFC 1996 §3.10)')
})

t.test(
  'a notification is repeated until it is acknowledged or a minute has passed (RFC 1996 §3.6)',
  async (t) => {
    const { sockets, notifier, arrived, port, advance, counters, lines } = await world(t)
    notifier.announce(plan(5))
    await sockets.settled()
    const [one] = arrived.all
    if (one === undefined) throw new Error('nothing came')
    port.send(reply(one.payload), one.address, one.port)
    await sockets.settled()
    t.same(lines, [`secondary notified ${secondary} ${zones[0]} 5`])
    for (const ms of [1000, 2000, 4000, 8000, 16_000]) {
      const before = arrived.all.length
      advance(ms - 1)
      await sockets.settled()
      t.equal(arrived.all.length, before, `not before ${ms} ms`)
      advance(1)
      await sockets.settled()
      t.same(said(arrived, before), [`${zones[1]} 5`], `after ${ms} ms`)
    }
    advance(30_000)
    t.match(
      lines[1],
      /^secondary did not acknowledge notification dns\.notify-unanswered 192\.0\.2\.53 0\.16/,
    )
    t.match(counters.snapshot(), { 'dns.notified': 1, 'dns.notifies': 7, 'dns.notifyUnanswered': 1 })
    notifier.announce(plan(5))
    await sockets.settled()
    t.equal(arrived.all.length, 7, 'a plan that brings nothing new is not announced')
  },
)

t.test('a secondary with an IPv6 address is notified from server.address6 (RFC 1996 §3.10)', async (t) => {
  const { sockets, notifier, arrived, lines } = await world(t)
  const port6 = await sockets.bindUdp({ address: secondary6, port: 53 })
  const arrived6 = inbox(port6)
  notifier.announce(plan(5, [secondary, secondary6]))
  await sockets.settled()
  t.same(said(arrived), [`${zones[0]} 5`, `${zones[1]} 5`])
  t.same(said(arrived6), [`${zones[0]} 5`, `${zones[1]} 5`])
  t.same([arrived.all[0]?.address, arrived6.all[0]?.address], [primary, primary6])
  for (const { payload, address, port } of arrived6.all) port6.send(reply(payload), address, port)
  await sockets.settled()
  t.same(
    lines,
    zones.map((zone) => `secondary notified ${secondary6} ${zone} 5`),
  )
  await notifier.close()
  t.same(sockets.open(), [`${secondary}:53`, `${secondary6}:53`], 'both sockets are closed')
})

t.test('secondaries of one version of IP are notified although the other has no socket', async (t) => {
  const { sockets, arrived } = await world(t)
  const lines: string[] = []
  const warn = (facts: object, message: string) => lines.push(`${message} ${Object.values(facts).join(' ')}`)
  const notifier = createNotifier({
    sockets: {
      bindUdp: (options) =>
        options.address === primary6
          ? Promise.reject(new Error('bind EADDRNOTAVAIL'))
          : sockets.bindUdp(options),
    },
    clock: fakeClock(),
    counters: new Counters(),
    log: { info: warn, warn } as unknown as Log,
  })
  t.teardown(() => notifier.close())
  notifier.announce(plan(5, [secondary, secondary6]))
  await sockets.settled()
  t.same(lines, ['notification socket not available dns.notify-unavailable bind EADDRNOTAVAIL'])
  t.equal(arrived.all.length, 2)
  notifier.announce(plan(5, [secondary, secondary6]))
  await sockets.settled()
  t.equal(lines.length, 2, 'the socket is tried again for the next plan')
  t.equal(arrived.all.length, 2, 'which is not announced to the other secondary again')
})

t.test('packets that are not acknowledgments of the secondary are ignored', async (t) => {
  const { sockets, notifier, arrived, port, lines, counters } = await world(t)
  notifier.announce(plan(5))
  await sockets.settled()
  const [one, two] = arrived.all
  if (one === undefined || two === undefined) throw new Error('nothing came')
  const outsider = await sockets.bindUdp({ address: '192.0.2.66', port: 53 })
  const otherPort = await sockets.bindUdp({ address: secondary, port: 5353 })
  const wrongId = reply(one.payload)
  wrongId[0] = ~(wrongId[0] as number) & 0xff
  outsider.send(reply(one.payload), one.address, one.port)
  otherPort.send(reply(one.payload), one.address, one.port)
  for (const octets of [wrongId, reply(one.payload, 0, 0), one.payload, new Uint8Array(3)]) {
    port.send(octets, one.address, one.port)
  }
  await sockets.settled()
  t.same(lines, [])
  port.send(reply(two.payload, 5), two.address, two.port)
  await sockets.settled()
  t.same(lines, [`secondary refused notification dns.notify-refused ${secondary} ${zones[1]} 5 5`])
  t.equal(counters.get('dns.notifyRefused'), 1)
})

t.test('a newer plan replaces unacknowledged notifications', async (t) => {
  const { sockets, notifier, arrived, advance } = await world(t)
  notifier.announce(plan(5))
  await sockets.settled()
  notifier.announce(plan(6))
  await sockets.settled()
  t.same(said(arrived, 2), [`${zones[0]} 6`, `${zones[1]} 6`])
  advance(1000)
  await sockets.settled()
  t.same(said(arrived, 4), [`${zones[0]} 6`, `${zones[1]} 6`], 'the old one is not announced again')
  notifier.announce(plan(6, []))
  advance(60_000)
  await sockets.settled()
  t.equal(arrived.all.length, 6, 'a removed secondary gets no NOTIFY')
})

t.test('a socket that cannot be opened is logged and retried for the next plan', async (t) => {
  const { sockets, notifier, arrived, lines } = await world(t)
  const taken = sockets.bindUdp.bind(sockets)
  const refusing = { bindUdp: () => Promise.reject(new Error('bind EADDRNOTAVAIL')) }
  const choice: { now: Pick<typeof sockets, 'bindUdp'> } = { now: refusing }
  const clock = fakeClock()
  const write = (facts: object, message: string) => {
    lines.push(`${message} ${Object.values(facts).join(' ')}`)
  }
  const log = { info: write, warn: write } as unknown as Log
  const late = createNotifier({
    sockets: { bindUdp: (options) => choice.now.bindUdp(options) },
    clock,
    counters: new Counters(),
    log,
  })
  await late.close()
  late.announce(plan(5))
  await sockets.settled()
  t.same(lines, ['notification socket not available dns.notify-unavailable bind EADDRNOTAVAIL'])
  choice.now = { bindUdp: taken }
  late.announce(plan(5))
  await sockets.settled()
  t.equal(arrived.all.length, 2)
  await late.close()
  notifier.announce(plan(5, []))
  t.same(sockets.open(), [`${secondary}:53`], 'no socket without secondaries, none left open')
})
