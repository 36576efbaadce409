/** DNS on the IPv6 address of the server. */
import t from 'tap'
import { compileDns } from '../../../src/plan/dns/compile.ts'
import type { DnsPlan } from '../../../src/plan/dns/plan.ts'
import { createAccess } from '../../../src/serve/dns/admission.ts'
import { openUdp } from '../../../src/serve/dns/udp.ts'
import { Counters } from '../../../src/host/counters.ts'
import type { Sockets } from '../../../src/host/udp.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { ipv6Model, ipv6Site } from '../../support/ipv6-site.ts'
import { memorySockets } from '../../support/memory-sockets.ts'
import { silentLog } from '../../support/silent-log.ts'
import { encode } from './ask.ts'
import { setUp } from './service-world.ts'

const plan = compileDns(ipv6Model()).plan as DnsPlan

t.test('a node gets an answer over IPv6', async (t) => {
  const { service, sockets, client } = await setUp(plan)
  t.same(service.listening, ['udp 192.0.2.2:53', 'udp [fd00:16::101]:53'])
  const { port, box } = await client('fd00:16::11')
  port.send(encode({ name: 'm1.ocp45.example.net', type: 'AAAA' }), 'fd00:16::101', 53)
  const reply = dnsPacket.decode((await box.next()).payload)
  t.match(reply.answers, [{ type: 'AAAA', data: 'fd00:16::11' }])
  await service.apply()
  await port.close()
  await service.close(0)
  t.same(sockets.open(), [])
})

t.test('clients in subnets6 may query other names', (t) => {
  const access = createAccess()
  const may = (address: string) => access(plan, address).mayForward
  t.same(['fd00:16::11', 'fd00:17::5', 'fd00:16::101', '2001:db8::1', 'nonsense'].map(may), [
    true,
    true,
    true,
    false,
    false,
  ])
  const without = { ...plan }
  Reflect.deleteProperty(without, 'ipv6')
  t.equal(createAccess()(without, 'fd00:16::11').mayForward, false)
  t.end()
})

t.test(
  'dns.clients has networks of both versions of IP; without one of a version, the subnets may query',
  (t) => {
    const clients = ['192.0.2.9', '198.51.100.9', 'fd00:16::11', '2001:db8:40::9']
    const allowed = (networks: readonly string[]) => {
      const declared = compileDns(ipv6Model({ ...ipv6Site(), dns: { clients: networks } })).plan as DnsPlan
      return clients.filter((address) => createAccess()(declared, address).mayForward)
    }
    t.same(allowed(['198.51.100.0/24']), ['198.51.100.9', 'fd00:16::11'])
    t.same(allowed(['2001:db8:40::/64']), ['192.0.2.9', '2001:db8:40::9'])
    t.same(allowed(['198.51.100.0/24', '2001:db8:40::/64']), ['198.51.100.9', '2001:db8:40::9'])
    t.same(allowed([]), ['fd00:16::11'])
    t.end()
  },
)

t.test('if the port of IPv6 is taken, the one of IPv4 is closed', async (t) => {
  const memory = memorySockets()
  const sockets: Sockets = {
    ...memory,
    udp: (name, options) =>
      name === 'dns6' ? Promise.reject(new Error('taken')) : memory.udp(name, options),
  }
  const options = {
    plan: () => plan,
    sockets,
    log: silentLog(),
    counters: new Counters(),
    clock: fakeClock(),
  }
  const opened = openUdp({
    ...options,
    secret: new Uint8Array(16),
    machine: new Uint8Array(0),
    onLost: () => {},
    serve: () => undefined,
    forward: () => new Uint8Array(0),
  })
  await t.rejects(opened, /taken/)
  t.same(memory.open(), [])
})
