import fc from 'fast-check'
import t from 'tap'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { readRequest } from '../../../src/serve/dhcp/request.ts'
import { RecentMap } from '../../../src/host/recent-map.ts'
import { clientFacts, createUnknownClients } from '../../../src/serve/dhcp/unknown-clients.ts'
import { clientMessage } from '../../support/dhcp-message.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const start = Date.UTC(2026, 0, 1)
const tenMinutes = 600_000

const machine = (number: number) => ({
  mac: `02:00:00:00:${(number >>> 8).toString(16).padStart(2, '0')}:${(number & 255).toString(16).padStart(2, '0')}` as Mac,
  vendorClass: 'PXEClient',
  architecture: 7,
  relay: undefined,
})

t.test(
  'an undeclared machine is recorded with its last message, its firmware, its times, and its count',
  (t) => {
    const clock = fakeClock(start)
    const unknownClients = createUnknownClients(clock)
    unknownClients.see(machine(1).mac, { ...machine(1), uuid: '4c4c4544-0000-4000-8080-525400000001' })
    clock.advance(4000)
    unknownClients.see(machine(1).mac, { ...machine(1), vendorClass: 'udhcp', architecture: undefined })
    t.same(unknownClients.list(), [
      {
        mac: '02:00:00:00:00:01',
        vendorClass: 'udhcp',
        architecture: undefined,
        relay: undefined,
        uuid: '4c4c4544-0000-4000-8080-525400000001',
        firstSeen: start,
        lastSeen: start + 4000,
        count: 2,
      },
    ])
    t.end()
  },
)

t.test('it is logged the first time, and again after ten minutes', (t) => {
  const clock = fakeClock()
  const unknownClients = createUnknownClients(clock)
  const news = [0, 4000, 8000, tenMinutes - 12_001, 1, 1].map((ms) => {
    clock.advance(ms)
    return unknownClients.see(machine(1).mac, machine(1))
  })
  t.same(news, [true, false, false, false, true, false])
  t.end()
})

t.test('a flood is logged sixty times in ten minutes; clients left out are logged afterwards', (t) => {
  const clock = fakeClock()
  const unknownClients = createUnknownClients(clock)
  const newsOf = (count: number) =>
    Array.from({ length: count }, (_, index) =>
      unknownClients.see(machine(index).mac, machine(index)),
    ).filter((isNews) => isNews).length
  t.equal(newsOf(100), 60)
  clock.advance(1000)
  t.equal(unknownClients.see(machine(99).mac, machine(99)), false)
  clock.advance(tenMinutes)
  t.equal(unknownClients.see(machine(99).mac, machine(99)), true)
  t.end()
})

t.test('a flood of forged addresses does not displace the machines that were seen before it', (t) => {
  const clock = fakeClock()
  const unknownClients = createUnknownClients(clock)
  const real = Array.from({ length: 40 }, (_, number) => machine(number))
  for (const each of real) unknownClients.see(each.mac, each)
  clock.advance(tenMinutes)
  for (let number = 1000; number < 51_000; number++) {
    unknownClients.see(machine(number).mac, machine(number))
    if (number % 5 === 0) clock.advance(1)
  }
  const listed = new Set(unknownClients.list().map(({ mac }) => mac))
  t.equal(listed.size, 40 + 512 + 40, 'half of the list at once, then four a second')
  t.ok(real.every(({ mac }) => listed.has(mac)))
  unknownClients.see(real[0]!.mac, real[0]!)
  t.match(unknownClients.list()[0], { mac: real[0]!.mac, count: 2 }, 'known machines are still counted')
  t.end()
})

t.test('the last 1024 are remembered, latest first', (t) => {
  const clock = fakeClock()
  const unknownClients = createUnknownClients(clock)
  for (let number = 0; number < 1030; number++) {
    unknownClients.see(machine(number).mac, machine(number))
    clock.advance(250)
  }
  unknownClients.see(machine(10).mac, machine(10))
  const list = unknownClients.list()
  t.equal(list.length, 1024)
  t.equal(list[0]?.mac, machine(10).mac)
  t.equal(list[1]?.mac, machine(1029).mac)
  t.equal(list.at(-1)?.mac, machine(6).mac)
  t.end()
})

t.test('a recent map drops the entry set longest ago', (t) => {
  const recent = new RecentMap<string, number>(2)
  recent.set('a', 1)
  recent.set('b', 2)
  recent.set('a', 3)
  recent.set('c', 4)
  t.same(recent.values(), [4, 3])
  t.equal(recent.get('b'), undefined)
  t.equal(recent.get('a'), 3)
  t.end()
})

const mac = '00:00:5e:00:53:99' as Mac
type Fields = Parameters<typeof clientMessage>[0]
const factsOf = (fields: Fields) =>
  clientFacts(mac, readRequest(clientMessage(fields), { address: '0.0.0.0', port: 68 }))

const relayed = [1, 7, ...Buffer.from('Eth1/14'), 2, 6, 0, 0x1b, 0x54, 0, 0, 1]

const cases: { name: string; fields: Fields; facts: object }[] = [
  {
    name: 'without options has no details',
    fields: {},
    facts: { mac, vendorClass: '', architecture: undefined, relay: undefined },
  },
  {
    name: 'that is an installed system has a name, without NULs and control characters',
    fields: { options: [[12, 'old\x1b-web\0'], [60, 'dhcpcd\x07']] }, // prettier-ignore
    facts: { mac, vendorClass: 'dhcpcd?', architecture: undefined, hostName: 'old?-web', relay: undefined },
  },
  {
    name: 'whose name is empty has none',
    fields: { options: [[12, '\0']] },
    facts: { mac, vendorClass: '', architecture: undefined, relay: undefined },
  },
  {
    name: 'behind a relaying switch is at one of its ports (RFC 3046 §3.1)',
    fields: { giaddr: '198.51.100.1', options: [[82, relayed]] },
    facts: {
      mac,
      vendorClass: '',
      architecture: undefined,
      relay: { address: '198.51.100.1', circuitId: 'Eth1/14', remoteId: '00:1b:54:00:00:01' },
    },
  },
  {
    name: 'behind a relay agent without option 82 has its address only',
    fields: { giaddr: '198.51.100.1' },
    facts: { mac, vendorClass: '', architecture: undefined, relay: { address: '198.51.100.1' } },
  },
  {
    name: 'without a relay agent has no port: option 82 is for the switch that added it',
    fields: { options: [[82, relayed]] },
    facts: { mac, vendorClass: '', architecture: undefined, relay: undefined },
  },
]
for (const { name, fields, facts } of cases) {
  t.test(`a machine ${name}`, (t) => {
    t.same(factsOf(fields), facts)
    t.end()
  })
}

t.test('all facts about a machine are short and printable', (t) => {
  const octets = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 250 })
  fc.assert(
    fc.property(octets, octets, octets, (name, vendorClass, circuit) => {
      const { hostName = '', ...rest } = factsOf({
        giaddr: '198.51.100.1',
        options: [
          [12, name],
          [60, vendorClass],
          [82, [1, circuit.length, ...circuit]],
        ],
      })
      for (const text of [hostName, rest.vendorClass, rest.relay?.circuitId ?? '']) {
        if (!/^[\x20-\x7e]{0,128}$/.test(text)) throw new Error(JSON.stringify(text))
      }
    }),
    { numRuns: 200 },
  )
  t.end()
})
