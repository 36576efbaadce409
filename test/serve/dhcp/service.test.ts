import t from 'tap'
import { simulationMark } from '../../../src/proto/dhcp/values/sub-options.ts'
import { formatMinute } from '../../../src/plan/ignition/findings.ts'
import type { Sockets } from '../../../src/host/udp.ts'
import { decodeMessage } from '../../../src/proto/dhcp/message.ts'
import type { DhcpPlan } from '../../../src/plan/dhcp/plan.ts'
import { captured } from '../../support/dhcp-captures.ts'
import { clientPacket, octetsOf } from '../../support/dhcp-message.ts'
import { plan, running, start } from '../../support/dhcp-service.ts'
import { memorySockets } from '../../support/memory-sockets.ts'

t.test(
  "an exchange: both replies are broadcast from the server's address, each with a log line",
  async (t) => {
    const { network, counters, service, heard, send, line } = await running()
    await send(captured('OVMF PXE DISCOVER'))
    t.same(line(), {
      level: 'info',
      msg: 'address offered',
      node: 'ocp4/master-1',
      mac: '52:54:00:00:00:11',
      address: '172.16.0.11',
      architecture: 7,
      bootFile: 'efi/snponly.efi',
      xid: '0x7a78199c',
    })
    await send(captured('iPXE EFI REQUEST'))
    t.match(line(), {
      msg: 'address acknowledged',
      state: 'selecting',
      bootFile: 'http://172.16.0.101/boot/ocp4/master-1/boot.ipxe',
      xid: '0x541b9675',
    })
    t.same(
      heard.all.map(({ payload, address, port }) => [decodeMessage(payload).op, `${address}:${port}`]),
      [
        [2, '172.16.0.101:67'],
        [2, '172.16.0.101:67'],
      ],
    )
    t.same(counters.snapshot(), { 'dhcp.acknowledged': 1, 'dhcp.offered': 1 })
    t.same(service.listening, ['udp 0.0.0.0:67', 'udp 172.16.0.101:67'])
    t.equal(service.name, 'dhcp')
    await service.close(0)
    t.same(network.open(), ['0.0.0.0:68'], 'all sockets are closed')
  },
)

t.test('RFC 2131 §4.3.2: the socket distinguishes RENEWING from REBINDING', async (t) => {
  const { send, line, heard } = await running()
  await send(captured('udhcpc REQUEST in RENEWING'), '172.16.0.101')
  t.match(line(), { msg: 'address acknowledged', state: 'renewing', node: 'cli-1.ocp4.lab.local' })
  await send(captured('udhcpc REQUEST in RENEWING'))
  t.match(line(), { msg: 'address acknowledged', state: 'rebinding' })
  t.equal(heard.all.length, 2, 'the reply to ciaddr reaches the client')
})

t.test('refused, released, informed, and ignored messages are counted and logged once', async (t) => {
  const { network, send, counters, lines, line } = await running()
  await send(captured('dhclient REQUEST in INIT-REBOOT, wrong address'))
  t.match(line(), {
    level: 'info',
    msg: 'address refused',
    node: 'cli-1.ocp4.lab.local',
    code: 'dhcp.wrong-address',
    reason: 'requested 172.16.0.222, but the reservation is 172.16.0.61',
  })
  await send(captured('dhclient RELEASE'))
  t.match(line(), { level: 'info', msg: 'address released', address: '172.16.0.61' })
  const informed = await network.bindUdp({ address: '172.16.0.61', port: 68, reuseAddress: true })
  informed.send(captured('dhcpcd INFORM'), '172.16.0.101', 67)
  await network.settled()
  t.match(line(), { level: 'info', msg: 'parameters sent', address: '172.16.0.61' })
  await send(clientPacket({ mac: '52:54:00:00:00:11', type: 'request' }))
  t.match(line(), { level: 'info', msg: 'message ignored', reason: 'REQUEST without a requested address' })
  await send(clientPacket({ mac: '52:54:00:00:00:11', type: 'discover', options: [[93, [0, 27]]] }))
  t.match(line(), {
    level: 'info',
    msg: 'address offered',
    reason: /^no boot file for .* 27 \(riscv64 UEFI\)$/,
  })
  await send(captured('dnsmasq OFFER of dhcpcd'))
  t.same(line(), {
    level: 'debug',
    msg: 'datagram ignored',
    code: 'dhcp.not-a-request',
    reason: 'a reply, not a request',
  })
  t.same(counters.snapshot(), {
    'dhcp.ignored': 1,
    'dhcp.informed': 1,
    'dhcp.notOurs': 1,
    'dhcp.nothingToBoot': 1,
    'dhcp.offered': 1,
    'dhcp.refused': 1,
    'dhcp.released': 1,
  })
  t.same(counters.refusals(), {
    'dhcp.no-boot-file': 1,
    'dhcp.no-requested-address': 1,
    'dhcp.not-a-request': 1,
    'dhcp.wrong-address': 1,
  })
  t.equal(lines.length, 6)
})

t.test('a probe of slipway itself is not an undeclared machine', async (t) => {
  const { send, service, lines } = await running()
  const { code, value } = simulationMark()
  await send(clientPacket({ mac: '02:00:00:00:00:01', type: 'discover', options: [[code, [...value]]] }))
  t.same(service.unknownClients(), [])
  t.match(lines, [{ level: 'debug', code: 'dhcp.no-reservation' }])
})

t.test('an undeclared client gets no reply, is remembered, and is logged at info once', async (t) => {
  const { send, service, heard, lines, counters } = await running()
  for (let time = 0; time < 3; time++) await send(captured('OVMF PXE DISCOVER, MAC not declared'))
  t.equal(heard.all.length, 0)
  t.equal(counters.get('dhcp.strangers'), 3)
  t.same(
    lines.map(({ level }) => level),
    ['info', 'debug', 'debug'],
  )
  t.match(lines[0], {
    msg: 'undeclared client refused',
    mac: '52:54:00:00:00:99',
    architecture: 7,
    vendorClass: 'PXEClient:Arch:00007:UNDI:003000',
    code: 'dhcp.no-reservation',
    reason: 'no reservation for 52:54:00:00:00:99 on 172.16.0.0/24',
  })
  t.same(counters.refusals(), { 'dhcp.no-reservation': 3 })
  t.same(service.unknownClients(), [
    {
      mac: '52:54:00:00:00:99',
      vendorClass: 'PXEClient:Arch:00007:UNDI:003000',
      architecture: 7,
      uuid: '4c4c4544-0000-4000-8000-525400000099',
      relay: undefined,
      firstSeen: start,
      lastSeen: start,
      count: 3,
    },
  ])
})

t.test(
  'a node that chose another DHCP server causes one warning, and the server is counted and remembered',
  async (t) => {
    const { send, service, heard, lines, counters, clock, seen: observations } = await running()
    const mac = '52:54:00:00:00:11'
    const chosen = clientPacket({ mac, type: 'request', options: [[54, octetsOf('10.0.0.1')], [50, octetsOf('10.0.0.9')]] }) // prettier-ignore
    for (let time = 0; time < 3; time++) await send(chosen)
    t.equal(heard.all.length, 0)
    t.equal(counters.get('dhcp.elsewhere'), 3)
    t.same(
      lines.map(({ level }) => level),
      ['warn', 'debug', 'debug'],
    )
    t.match(lines[0], {
      msg: 'another DHCP server answered a declared machine',
      node: 'ocp4/master-1',
      server: '10.0.0.1',
      code: 'dhcp.other-server',
      reason: 'the client chose server 10.0.0.1',
    })
    t.match(observations, [
      { node: 'ocp4/master-1', kind: 'dhcp', message: 'request', answer: 'offered', server: '10.0.0.1' },
      {},
      {},
    ])
    const seen = { firstSeen: start, lastSeen: start, count: 3 }
    t.same(service.otherServers(), [
      { code: 'dhcp.other-server', server: '10.0.0.1', mac, node: 'ocp4/master-1', ...seen },
    ])
    const text = `another DHCP server (10.0.0.1) answers ocp4/master-1 (${mac}), last at ${formatMinute(start)}`
    t.same(service.problems(), [{ code: 'dhcp.other-server', text }])
    clock.advance(3_600_000)
    t.same([...service.problems(), ...service.otherServers()], [], 'an hour later it is no problem')
  },
)

t.test(
  'RFC 2131 §4.3.3: a declined address causes a warning, is remembered, and is offered again',
  async (t) => {
    const { send, service, heard, line, clock } = await running()
    const mac = '52:54:00:00:00:11'
    const decline = clientPacket({ mac, type: 'decline', options: [[50, octetsOf('172.16.0.11')]] })
    await send(decline)
    await send(decline)
    t.match(line(), {
      level: 'warn',
      msg: 'address declined: another machine uses it',
      node: 'ocp4/master-1',
      address: '172.16.0.11',
      code: 'dhcp.address-declined',
      count: 2,
    })
    const remembered = {
      code: 'dhcp.address-declined',
      mac,
      node: 'ocp4/master-1',
      address: '172.16.0.11',
      lastSeen: start,
      count: 2,
    }
    t.same(service.declined(), [remembered])
    const text = `another machine uses 172.16.0.11, the address of ocp4/master-1, last at ${formatMinute(start)}`
    t.same(service.problems(), [{ code: 'dhcp.address-declined', text }])
    clock.advance(3_600_000)
    t.same([...service.problems(), ...service.declined()], [], 'an hour later it is no problem')
    await send(captured('OVMF PXE DISCOVER'))
    t.equal(heard.all.length, 1)
  },
)

t.test('a malformed packet is counted and logged at debug, and the next one is served', async (t) => {
  const { send, counters, line, heard } = await running()
  await send(Uint8Array.of(1))
  t.same(line(), {
    level: 'debug',
    msg: 'malformed packet',
    client: '0.0.0.0:68',
    code: 'dhcp.malformed',
    reason: '1 octets expected, 0 left at octet 1',
    octets: 1,
  })
  t.equal(counters.get('dhcp.malformed'), 1)
  await send(captured('OVMF PXE DISCOVER'))
  t.equal(heard.all.length, 1)
})

t.test('a defect costs one packet: it is logged in hexadecimal, and the next one is served', async (t) => {
  const bug = new Error('a bug')
  const broken = { ...plan, reservationByMac: { get: () => { throw bug } } as unknown as DhcpPlan['reservationByMac'] } // prettier-ignore
  let current: DhcpPlan = plan
  const { send, counters, line, heard } = await running({ plan: () => current })
  current = broken
  await send(captured('udhcpc DISCOVER'))
  t.match(line(), {
    level: 'error',
    msg: 'packet handling failed',
    code: 'dhcp.internal-error',
    err: { message: 'a bug' },
    packet: Buffer.from(captured('udhcpc DISCOVER')).toString('hex'),
  })
  t.equal(counters.get('dhcp.failed'), 1)
  current = plan
  await send(captured('udhcpc DISCOVER'))
  t.equal(heard.all.length, 1, 'a new plan takes effect with the next packet')
})

t.test('a defect in the records does not prevent the reply', async (t) => {
  const observe = () => {
    throw new Error('a bug')
  }
  const { send, counters, line, heard } = await running({ observe })
  await send(captured('OVMF PXE DISCOVER'))
  t.equal(heard.all.length, 1)
  t.match(line(), { level: 'error', code: 'dhcp.internal-error', client: /:68$/, err: { message: 'a bug' } })
  t.equal(counters.get('dhcp.failed'), 1)
})

t.test('a reply that cannot be sent is counted and logged with its node', async (t) => {
  const network = memorySockets()
  const deaf: Sockets = {
    ...network,
    bindUdp: async (options) => ({
      ...(await network.bindUdp(options)),
      send: (_payload, _address, _port, failed) => failed?.(new Error('send ENETUNREACH')),
    }),
  }
  const { send, counters, lines } = await running({ sockets: deaf, network })
  await send(captured('udhcpc DISCOVER'))
  t.same(
    lines.map(({ level, msg }) => [level, msg]),
    [
      ['error', 'reply not sent'],
      ['info', 'address offered'],
    ],
  )
  t.match(lines[0], {
    node: 'ocp4/master-1',
    mac: '52:54:00:00:00:11',
    client: '255.255.255.255:68',
    code: 'dhcp.reply-not-sent',
    err: { message: 'send ENETUNREACH' },
  })
  t.equal(counters.get('dhcp.unsent'), 1)
})

t.test(
  'a message from a port of any process is not evidence, and a simulated one leaves no trace',
  async (t) => {
    const { network, send, seen } = await running()
    const mac = '52:54:00:00:00:11'
    const discover = clientPacket({ mac, type: 'discover' })
    await send(discover)
    t.match(seen, [{ kind: 'dhcp', asker: 'system', isUnprivileged: undefined }])
    const process = await network.bindUdp({ address: '0.0.0.0', port: 40_000, broadcast: true })
    process.send(discover, '255.255.255.255', 67)
    await network.settled()
    t.match(seen.at(-1), { isUnprivileged: true })
    await send(clientPacket({ mac, type: 'discover', options: [[224, 'slipway simulate']] }))
    t.equal(seen.length, 2)
  },
)
