import t from 'tap'
import { createInventoryBindings } from '../../../src/inventory/bindings.ts'
import { parseCidr, parseIpv4, type Cidr } from '../../../src/proto/address/ip.ts'
import { handleDatagram } from '../../../src/serve/dhcp/handle.ts'
import { maxReplyOctets } from '../../../src/serve/dhcp/reply.ts'
import type { Arrival } from '../../../src/serve/dhcp/decide.ts'
import type { DhcpResult } from '../../../src/serve/dhcp/respond.ts'
import type { Withheld } from '../../../src/serve/dhcp/withhold.ts'
import { clientPacket, octetsOf } from '../../support/dhcp-message.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { from, guest, inventoryPlan, inventorySite } from '../../support/inventory-site.ts'
import { exampleModel } from '../../support/model.ts'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'

function setUp(plan = inventoryPlan, withheld: readonly Withheld[] = []) {
  const clock = fakeClock()
  const bindings = createInventoryBindings(clock, () => 0)
  const ask = (
    payload: Uint8Array,
    given: { readonly arrival?: Arrival; readonly source?: string } = {},
  ): DhcpResult => {
    const { arrival = 'broadcast', source = '0.0.0.0' } = given
    const datagram = { payload, address: source, port: 68 }
    const out = new Uint8Array(maxReplyOctets)
    const handled = handleDatagram(datagram, arrival, plan, out, () => true, withheld, bindings)
    if (handled.kind !== 'result') throw new Error(handled.kind)
    t.equal(handled.seen, undefined, 'it is not an observation of a node')
    return handled.result
  }
  return { ask, bindings, clock }
}

const address = (text: string) => parseIpv4(text) as number
const refused = (code: string) => ({ kind: 'unknown-client', client: { mac: guest }, about: { code } })

t.test('firmware, iPXE, and the inventory system of an undeclared machine get the same address', (t) => {
  const { ask, bindings } = setUp()
  const { firmware, ipxe, udhcpc, select } = from()
  t.match(ask(firmware()), {
    kind: 'offered',
    about: { mac: guest, node: undefined, address: address('192.0.2.240'), bootFile: 'efi/snponly.efi' },
    inventory: { client: { mac: guest }, address: address('192.0.2.240'), isLeased: false },
  })
  t.match(ask(select('192.0.2.240')), { kind: 'acknowledged', inventory: { isLeased: true } })
  t.match(ask(ipxe()), {
    kind: 'offered',
    about: { address: address('192.0.2.240'), bootFile: 'http://192.0.2.2/inventory/boot.ipxe' },
  })
  t.match(ask(udhcpc()), {
    kind: 'offered',
    about: { address: address('192.0.2.240'), bootFile: undefined },
  })
  t.match(bindings.at(parseIpv4('192.0.2.240') as never), { mac: guest })
  t.end()
})

t.test(
  'a machine that does not boot from the network gets nothing, nor does one of another architecture',
  (t) => {
    const { ask, bindings } = setUp()
    const { firmware, ipxe, udhcpc, select } = from()
    t.match(ask(udhcpc()), refused('dhcp.no-reservation'))
    t.match(ask(select('192.0.2.240')), refused('dhcp.no-reservation'), 'without an offer')
    const arm = {
      options: [
        [60, 'PXEClient:Arch:00011'],
        [93, [0, 11]],
      ] as const,
    }
    t.match(ask(firmware(arm)), refused('dhcp.no-reservation'))
    t.match(
      ask(
        ipxe({
          options: [
            [77, 'iPXE'],
            [93, [0, 11]],
          ],
        }),
      ),
      refused('dhcp.no-reservation'),
    )
    t.match(ask(firmware(), { arrival: 'proxy-port' }), refused('dhcp.no-reservation'))
    t.same(bindings.live(), [])
    t.end()
  },
)

t.test('a simulated machine is offered what a machine gets, reserves nothing, and gets no lease', (t) => {
  const { ask, bindings } = setUp()
  const mark: [number, string][] = [[224, 'slipway simulate']]
  const firmware: [number, string | number[]][] = [
    [60, 'PXEClient:Arch:00007:UNDI:003016'],
    [93, [0, 7]],
  ]
  const simulated = () => from().firmware({ options: [...firmware, ...mark] })
  t.match(ask(simulated()), {
    kind: 'offered',
    about: { address: address('192.0.2.240'), bootFile: 'efi/snponly.efi' },
    inventory: { isLeased: false, isSimulated: true },
  })
  t.same(bindings.live(), [])
  const select: [number, string | number[]][] = [
    [50, octetsOf('192.0.2.240')],
    [54, octetsOf('192.0.2.2')],
  ]
  const request = clientPacket({ mac: guest, type: 'request', options: [...select, ...mark] })
  t.match(ask(request), { ...refused('dhcp.no-reservation'), isSimulated: true })

  t.match(ask(from('52:54:00:00:00:01').firmware()), { about: { address: address('192.0.2.240') } })
  t.match(ask(simulated()), { about: { address: address('192.0.2.241') } }, 'the next free address')
  t.match(ask(from('52:54:00:00:00:02').firmware()), { about: { address: address('192.0.2.241') } })
  t.match(ask(simulated()), { ...refused('dhcp.inventory-full'), isSimulated: true })
  t.equal(bindings.live().length, 2, 'no machine is displaced')
  t.match(ask(request), { ...refused('dhcp.no-reservation'), isSimulated: true })
  t.end()
})

t.test('without the section, or without bindings, an undeclared machine gets nothing', (t) => {
  const { ask } = setUp(compileDhcp(exampleModel()).plan)
  t.match(ask(from().firmware()), refused('dhcp.no-reservation'))
  t.end()
})

t.test('a declared machine never gets an address of the range', (t) => {
  const site = inventorySite()
  const declared = { name: 'x1', role: 'worker', boot: 'none', mac: guest, address: '192.0.2.51' }
  site.clusters[0]?.nodes.push(declared)
  const { ask, bindings } = setUp(compileDhcp(exampleModel(site)).plan)
  t.match(ask(from().firmware()), refused('dhcp.no-reservation'), 'boot: none')
  t.same(bindings.live(), [])
  t.end()
})

t.test('no machine is displaced when all addresses are in use', (t) => {
  const { ask, clock } = setUp()
  for (const mac of ['52:54:00:00:00:01', '52:54:00:00:00:02']) {
    t.match(ask(from(mac).firmware()), { kind: 'offered' })
  }
  ask(from('52:54:00:00:00:02').select('192.0.2.241'))
  t.match(ask(from().firmware()), {
    ...refused('dhcp.inventory-full'),
    about: { reason: /in use: 192\.0\.2\.240 to 192\.0\.2\.241/ },
  })
  clock.advance(61_000)
  t.match(ask(from().firmware()), { kind: 'offered', about: { address: address('192.0.2.240') } })
  t.end()
})

t.test('only machines on the network of the range are answered', (t) => {
  const { ask } = setUp()
  t.match(ask(from().firmware({ giaddr: '198.51.100.1' })), refused('dhcp.unknown-relay'))
  t.match(ask(from().firmware({ giaddr: '192.0.2.1' })), { kind: 'offered' }, 'a relay agent on the network')
  const site = inventorySite()
  site.subnets.push({ cidr: '198.51.100.0/24', gateway: '198.51.100.1' })
  const { ask: askSecond } = setUp(compileDhcp(exampleModel(site)).plan)
  t.match(askSecond(from().firmware({ giaddr: '198.51.100.1' })), refused('dhcp.wrong-network'))
  t.end()
})

t.test('a NAK is never sent: the address may be a lease of another server', (t) => {
  const { ask } = setUp()
  const { firmware } = from()
  ask(firmware())
  const reboot = clientPacket({ mac: guest, type: 'request', options: [[50, octetsOf('192.0.2.99')]] })
  t.match(ask(reboot), refused('dhcp.wrong-address'))
  t.end()
})

t.test('a renewal and an INFORM of the inventory system are answered', (t) => {
  const { ask } = setUp()
  const { firmware, select } = from()
  ask(firmware())
  ask(select('192.0.2.240'))
  const ciaddr = '192.0.2.240'
  const source = { source: ciaddr, arrival: 'unicast' as const }
  t.match(ask(clientPacket({ mac: guest, type: 'request', ciaddr }), source), {
    kind: 'acknowledged',
    about: { state: 'renewing' },
  })
  t.match(ask(clientPacket({ mac: guest, type: 'inform', ciaddr }), source), {
    kind: 'informed',
    inventory: { isLeased: false },
  })
  t.match(
    ask(clientPacket({ mac: guest, type: 'request', ciaddr }), { ...source, source: '192.0.2.77' }),
    refused('dhcp.source-not-ciaddr'),
  )
  t.end()
})

t.test('an address that is declined, released, or refused for another server is given up', (t) => {
  const { ask, bindings } = setUp()
  const { firmware, select } = from()
  ask(firmware())
  const decline = clientPacket({
    mac: guest,
    type: 'decline',
    options: [
      [50, octetsOf('192.0.2.240')],
      [54, octetsOf('192.0.2.2')],
    ],
  })
  t.match(ask(decline), refused('dhcp.inventory-declined'))
  t.match(ask(firmware()), { about: { address: address('192.0.2.241') } }, 'another address')
  ask(select('192.0.2.241'))
  const release = clientPacket({
    mac: guest,
    type: 'release',
    ciaddr: '192.0.2.241',
    options: [[54, octetsOf('192.0.2.2')]],
  })
  t.match(ask(release, { source: '192.0.2.241' }), refused('dhcp.no-reservation'))
  t.match(bindings.live(), [{ mac: undefined }], 'only the declined address')
  ask(firmware())
  t.match(ask(select('192.0.2.120', '192.0.2.50')), refused('dhcp.no-reservation'))
  t.match(bindings.live(), [{ mac: undefined }], 'only the declined address')
  t.end()
})

t.test('no address is offered where another DHCP server answers, and the machine is still listed', (t) => {
  const network = parseCidr('192.0.2.0/24') as Cidr
  const { ask } = setUp(inventoryPlan, [{ network, code: 'dhcp.not-leasing', reason: 'another server' }])
  t.match(ask(from().firmware()), { ...refused('dhcp.not-leasing'), about: { bootFile: undefined } })
  t.end()
})
