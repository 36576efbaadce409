import { networkInterfaces } from 'node:os'
import t from 'tap'
import { parseCidr, type Cidr } from '../../../src/proto/address/ip.ts'
import { decodeMessage, encodeMessage } from '../../../src/proto/dhcp/message.ts'
import type { DhcpPlan } from '../../../src/plan/dhcp/plan.ts'
import { createLeasing } from '../../../src/serve/dhcp/leasing.ts'
import { openProbeRecord } from '../../../src/serve/dhcp/probe-record.ts'
import { captured } from '../../support/dhcp-captures.ts'
import { address, octetsOf } from '../../support/dhcp-message.ts'
import { plan, running } from '../../support/dhcp-service.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memorySockets } from '../../support/memory-sockets.ts'
import { silentLog } from '../../support/silent-log.ts'

const mac = '52:54:00:00:00:01'
const onLink = { netmask: '255.255.255.0', cidr: '172.16.0.101/24', internal: false, mac }
const interfaces = () => ({ ens4: [{ ...onLink, address: '172.16.0.101' }] })

/** Starts the service on a link, with another server that offers addresses after a delay, as real ones do. */
async function onLinkWith(
  other: { server?: string; afterMs?: number; isOn?: boolean },
  options: Parameters<typeof running>[0] = {},
) {
  const network = memorySockets()
  const service = await running({ network, interfaces, probes: true, ...options })
  const { clock } = service
  const rival = await network.bindUdp({ address: '172.16.0.9', port: 6767 })
  network.weather(({ payload, to }) => {
    if (to.address !== '255.255.255.255' || to.port !== 67 || other.isOn !== true) return [0]
    const request = decodeMessage(Uint8Array.from(payload))
    if (request.giaddr === 0) return [0]
    const out = new Uint8Array(600)
    const server = Uint8Array.from(octetsOf(other.server ?? '172.16.0.9'))
    const reply = [
      { code: 53, value: Uint8Array.of(2) },
      { code: 54, value: server },
    ]
    const octets = encodeMessage({ ...request, op: 2, options: reply }, out)
    clock.after(other.afterMs ?? 3050, () => rival.send(out.subarray(0, octets), '172.16.0.101', 67))
    return [0]
  })
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 50) {
      clock.advance(Math.min(50, left))
      await network.settled()
    }
  }
  /** Returns how many replies a declared machine gets. */
  const offers = async () => {
    const before = service.heard.all.length
    await service.send(captured('OVMF PXE DISCOVER'))
    return service.heard.all.length - before
  }
  const messages = () => service.lines.map(({ msg }) => msg)
  return { ...service, network, pass, offers, messages }
}

t.test('the first start on a network leases after a probe; a restart leases at once', async (t) => {
  const stateDirectory = t.testdir()
  const first = await onLinkWith({}, { stateDirectory })
  t.equal(await first.offers(), 0)
  t.match(first.line(), { msg: 'message ignored', node: 'ocp4/master-1', code: 'dhcp.probing' })
  await first.pass(3900)
  t.equal(await first.offers(), 0, 'some servers offer an address after 3 s')
  t.same(first.service.problems(), [], 'a probe in progress is not a problem')
  await first.pass(150)
  t.equal(await first.offers(), 1)
  t.match(first.messages(), ['probing for other DHCP servers before leasing'])
  t.ok(first.messages().includes('no other DHCP server found, leasing'))
  t.equal(first.counters.get('dhcp.strangers'), 0, 'its own probe is not an undeclared machine')
  await first.service.close(0)
  t.equal(first.clock.pending(), 0)

  const second = await onLinkWith({}, { stateDirectory })
  t.equal(await second.offers(), 1)
  await second.service.close(0)
  t.equal(second.clock.pending(), 0)
})

t.test(
  'slipway does not lease beside another server, and starts to lease when that server is off',
  async (t) => {
    const stateDirectory = t.testdir()
    const other = { isOn: true }
    const { service, offers, pass, lines, send, line } = await onLinkWith(other, { stateDirectory })
    await pass(3100)
    t.equal(await offers(), 0)
    t.match(line(), { code: 'dhcp.not-leasing', reason: 'another DHCP server (172.16.0.9) answers there' })
    t.match(
      lines.find(({ msg }) => msg === 'leasing refused: another DHCP server answers'),
      {
        level: 'warn',
        code: 'dhcp.not-leasing',
        networks: ['172.16.0.0/24'],
        interface: 'ens4',
        servers: ['172.16.0.9'],
      },
    )
    t.same(service.problems(), [
      {
        code: 'dhcp.not-leasing',
        text: 'no address is offered on 172.16.0.0/24 (ens4): another DHCP server (172.16.0.9) answers there; turn it off, or set dhcp: proxy or otherDhcpServers: allow for the subnet',
      },
    ])
    await send(captured('udhcpc REQUEST in RENEWING'), '172.16.0.101')
    t.match(line(), { msg: 'address acknowledged' }, 'leases are still renewed')

    await pass(35_000)
    t.equal(await offers(), 0, 'it still answers')
    other.isOn = false
    await pass(40_000)
    t.equal(await offers(), 1)
    t.same(service.problems(), [])
    const refusals = lines.filter(({ msg }) => msg === 'leasing refused: another DHCP server answers')
    t.equal(refusals.length, 1, 'logged once')
    await service.close(0)
  },
)

t.test('a server that appears is found by the probe of a restart, which had leased at once', async (t) => {
  const stateDirectory = t.testdir()
  const before = await onLinkWith({}, { stateDirectory })
  await before.pass(4100)
  await before.service.close(0)
  const { offers, pass, service } = await onLinkWith({ isOn: true, afterMs: 1000 }, { stateDirectory })
  t.equal(await offers(), 1)
  await pass(1100)
  t.equal(await offers(), 0)
  await service.close(0)
  const after = await onLinkWith({}, { stateDirectory })
  t.equal(await after.offers(), 0, 'the network is no longer recorded as free of other servers')
  await after.service.close(0)
})

t.test('peers, this server, proxy subnets, and allowed servers do not prevent leasing', async (t) => {
  const peers = { ...plan, peers: [address('172.16.0.9')] }
  for (const [about, options, server] of [
    ['a peer', { plan: () => peers }, '172.16.0.9'],
    ['its own identifier', {}, '172.16.0.101'],
    ['otherDhcpServers: allow', { plan: () => ({ ...plan, probed: [] }) }, '172.16.0.9'],
    ['a network without an interface', { interfaces: () => ({}) }, '172.16.0.9'],
  ] as const) {
    const { offers, pass, service } = await onLinkWith({ isOn: true, server }, options)
    await pass(4100)
    t.equal(await offers(), 1, about)
    await service.close(0)
  }
})

t.test('a reload probes new networks and forgets others', async (t) => {
  let current: DhcpPlan = { ...plan, probed: [] }
  const { offers, pass, service } = await onLinkWith({ isOn: true }, { plan: () => current })
  t.equal(await offers(), 1)
  current = { ...plan }
  await service.apply()
  t.equal(await offers(), 0)
  await pass(4100)
  t.equal(await offers(), 0)
  current = { ...plan, probed: [] }
  await service.apply()
  t.equal(await offers(), 1)
  t.same(service.problems(), [])
  await service.close(0)
})

/** Leasing alone, on interfaces of the test. */
async function alone(given: Partial<Parameters<typeof createLeasing>[0]>) {
  const sockets = memorySockets()
  const clock = fakeClock()
  const leasing = createLeasing({
    plan: () => plan,
    sockets,
    clock,
    log: silentLog(),
    interfaces,
    record: await openProbeRecord(undefined, silentLog()),
    changed: () => {},
    environment: {},
    ...given,
  })
  leasing.apply()
  await sockets.settled()
  return { leasing, clock, sockets }
}

t.test('subnets of one segment are probed once, through the interface of any of them', async (t) => {
  const other = parseCidr('172.16.9.0/24') as Cidr
  const [own] = plan.networks as [Cidr]
  const shared = { ...plan, probed: [own, other], segments: [[own, other]] }
  const { leasing, sockets, clock } = await alone({ plan: () => shared })
  t.same(
    leasing.withheld().map(({ code }) => code),
    ['dhcp.probing', 'dhcp.probing'],
  )
  clock.advance(0)
  t.equal(sockets.flights.length, 1)
})

t.test('adopted sockets use every interface, others only that of the server', async (t) => {
  const elsewhere = () => ({
    lo: [{ ...onLink, address: '127.0.0.1', internal: true }],
    ens3: [{ ...onLink, address: '10.0.0.1' }],
    ens5: [{ ...onLink, address: '172.16.0.7', mac: '' }],
    ens6: undefined,
  })
  const adopted = { ...memorySockets(), isAdopted: () => true }
  const on = await alone({ interfaces: elsewhere, sockets: adopted })
  t.equal(on.leasing.withheld().length, 1)
  const off = await alone({ interfaces: elsewhere })
  t.equal(off.leasing.withheld().length, 0)
})

t.test('SLIPWAY_DHCP_PROBE=off turns the probe off', async (t) => {
  t.same((await alone({ environment: { SLIPWAY_DHCP_PROBE: 'off' } })).leasing.withheld(), [])
  const real = await alone({ interfaces: networkInterfaces })
  t.same(real.leasing.withheld(), [], 'this machine is on another network')
})

t.test('slipway leases if the probe cannot be sent, warns, and tries again', async (t) => {
  let isBlocked = true
  const network = memorySockets()
  const sockets = {
    ...network,
    bindUdp: (options: Parameters<typeof network.bindUdp>[0]) =>
      isBlocked ? Promise.reject(new Error('bind EADDRNOTAVAIL')) : network.bindUdp(options),
  }
  const { leasing, clock } = await alone({ sockets })
  t.same(leasing.withheld(), [])
  t.match(leasing.warnings(), [
    {
      code: 'dhcp.not-probed',
      about: 'subnet 172.16.0.0/24',
      message: 'the probe for other DHCP servers was not sent: bind EADDRNOTAVAIL',
    },
  ])
  isBlocked = false
  clock.advance(30_000)
  await network.settled()
  t.same(leasing.warnings(), [])

  const failing = await alone({ sockets: unsendable() })
  failing.clock.advance(1000)
  t.match(failing.leasing.warnings(), [{ message: /send EPERM$/ }])
  failing.clock.advance(3000)
  t.same(failing.leasing.withheld(), [])
})

/** Sockets behind a firewall that drops what they send. */
function unsendable() {
  const network = memorySockets()
  const bindUdp: typeof network.bindUdp = async (options) => ({
    ...(await network.bindUdp(options)),
    send: (_payload, _address, _port, failed) => failed?.(new Error('send EPERM')),
  })
  return { ...network, bindUdp }
}

t.test('a service that closes while a probe starts sends nothing', async (t) => {
  const sockets = memorySockets()
  const clock = fakeClock()
  const record = await openProbeRecord(undefined, silentLog())
  const options = { plan: () => plan, sockets, clock, log: silentLog(), interfaces, record }
  const leasing = createLeasing({ ...options, changed: () => {} })
  leasing.apply()
  leasing.close()
  await sockets.settled()
  t.same([sockets.open(), clock.pending(), sockets.flights], [[], 0, []])
})
