import t from 'tap'
import {
  cannotBind,
  isPortTaken,
  hasAddress,
  requireInterface,
  untilAddress,
} from '../../src/host/cannot-listen.ts'
import { fakeClock } from '../support/fake-clock.ts'

const dhcp = { transport: 'udp', address: '172.16.0.101', port: 67, name: 'dhcp' } as const

const cases = [
  {
    name: 'a port in use names the usual program and the command that finds it',
    wanted: dhcp,
    code: 'EADDRINUSE',
    message:
      'cannot listen on udp 172.16.0.101:67 for dhcp: another process uses the port (often dhcpd or the dnsmasq of libvirt); ' +
      "find it with: ss -lunp 'sport = :67'",
  },
  {
    name: 'a port in use without a usual program',
    wanted: { transport: 'tcp', address: '0.0.0.0', port: 8080 } as const,
    code: 'EADDRINUSE',
    message:
      "cannot listen on tcp 0.0.0.0:8080: another process uses the port; find it with: ss -ltnp 'sport = :8080'",
  },
  {
    name: 'a missing privilege names three solutions',
    wanted: dhcp,
    code: 'EACCES',
    message:
      'cannot listen on udp 172.16.0.101:67 for dhcp: ports below 1024 require a privilege; start slipway with its systemd ' +
      'socket units, grant it CAP_NET_BIND_SERVICE, or set other ports in server.ports of the site file',
  },
  {
    name: 'a missing privilege with misnamed sockets lists their names',
    wanted: { ...dhcp, passedNames: ['slipway-dhcp.socket', 'tftp'] },
    code: 'EACCES',
    message:
      'cannot listen on udp 172.16.0.101:67 for dhcp: no privilege to bind it; systemd passed sockets named ' +
      'slipway-dhcp.socket, tftp, but none with FileDescriptorName=dhcp',
  },
  {
    name: 'an address that no interface has',
    wanted: dhcp,
    code: 'EADDRNOTAVAIL',
    message:
      'cannot listen on udp 172.16.0.101:67 for dhcp: no interface of this machine has the address 172.16.0.101; ' +
      'correct server.address in the site file, or add the address to an interface',
  },
  {
    name: "any other error has the system's message",
    wanted: dhcp,
    code: 'EMFILE',
    message: 'cannot listen on udp 172.16.0.101:67 for dhcp: bind EMFILE 172.16.0.101:67',
  },
]

for (const { name, wanted, code, message } of cases) {
  t.test(name, (t) => {
    const cause = Object.assign(new Error(`bind ${code} 172.16.0.101:67`), { code })
    const error = cannotBind(wanted, cause)
    t.equal(error.name, 'CannotListen')
    t.equal(error.message, message)
    t.equal(error.cause, cause)
    t.equal(isPortTaken(error), code === 'EADDRINUSE')
    t.equal(isPortTaken(cause), code === 'EADDRINUSE')
    t.end()
  })
}

const interfaces = {
  lo: [{ address: '127.0.0.1' }, { address: '::1' }],
  ens4: [{ address: '172.16.0.101' }, { address: '172.16.0.110' }],
}

t.test('an interface that is up and has the address is accepted', (t) => {
  requireInterface('ens4', '172.16.0.101', interfaces)
  requireInterface('ens4', '172.16.0.110', interfaces)
  requireInterface('lo', '127.0.0.1', interfaces)
  requireInterface('lo', '127.0.0.53', interfaces)
  requireInterface('lo', '127.0.0.1')
  t.end()
})

t.test('any other interface is an error with a remedy', (t) => {
  const cases = [
    {
      name: 'absent',
      call: () => requireInterface('ens5', '172.16.0.101', interfaces),
      message:
        'cannot serve on ens5: no interface with this name is up and has an address (available: lo, ens4); correct server.interface in the site file, or bring the interface up',
    },
    {
      name: 'no interface at all',
      call: () => requireInterface('ens4', '172.16.0.101', {}),
      message:
        'cannot serve on ens4: no interface with this name is up and has an address (available: none); correct server.interface in the site file, or bring the interface up',
    },
    {
      name: 'without the address',
      call: () => requireInterface('ens4', '172.16.0.102', interfaces),
      message:
        'cannot serve on ens4: it has the addresses 172.16.0.101, 172.16.0.110, but not 172.16.0.102; correct server.address or server.interface in the site file, or add the address to the interface',
    },
  ]
  for (const { name, call, message } of cases) t.throws(call, { name: 'CannotListen', message }, name)
  t.end()
})

t.test('an address that disappears while slipway serves is noticed', (t) => {
  const interfaces = { lo: [{ address: '127.0.0.1' }], ens4: [{ address: '172.16.0.101' }] }
  t.equal(hasAddress('172.16.0.101', interfaces), true)
  t.equal(hasAddress('172.16.0.102', interfaces), false)
  t.equal(hasAddress('127.0.0.5', interfaces), true)
  t.end()
})

t.test('an interface without a carrier is accepted: its first machine may not be switched on yet', (t) => {
  const listed = { lo: [{ address: '127.0.0.1' }] }
  const known = (flags: string) => ({
    flags: (name: string) => {
      if (name !== 'virbr-rig') throw new Error('ENOENT')
      return flags
    },
    routes: () =>
      '     |-- 192.168.130.0\n        /24 link UNICAST\n           |-- 192.168.130.1\n              /32 host LOCAL\n',
  })
  requireInterface('virbr-rig', '192.168.130.1', listed, known('0x1003\n'))
  t.equal(hasAddress('192.168.130.1', listed, known('0x1003\n')), true)
  const refused = { name: 'CannotListen', message: /^cannot serve on / }
  const call = (name: string, address: string, flags: string) => () =>
    requireInterface(name, address, listed, known(flags))
  t.throws(call('virbr-rig', '192.168.130.1', '0x1002\n'), refused, 'down')
  t.throws(call('virbr-rig', '192.168.130.10', '0x1003\n'), refused, 'another address')
  t.throws(call('virbr-rig2', '192.168.130.1', '0x1003\n'), refused, 'another interface')
  const withoutRoutes = {
    ...known('0x1003\n'),
    routes: () => {
      throw new Error('ENOENT')
    },
  }
  t.equal(hasAddress('192.168.130.1', listed, withoutRoutes), false)
  t.end()
})

t.test('a start that waits for its address continues when an interface has it', async (t) => {
  const clock = fakeClock()
  const waits: string[] = []
  const wanted = { name: undefined, address: '203.0.113.77' }
  const note = (reason: string) => waits.push(reason)
  let checks = 0
  const ended = untilAddress(wanted, clock, note, () => (++checks < 3 ? 'not there' : undefined))
  for (let turn = 0; turn < 2; turn++) {
    clock.advance(1000)
    await new Promise(setImmediate)
  }
  await ended
  t.same([checks, waits], [3, ['not there']], 'the reason is reported once')
  await untilAddress({ name: undefined, address: '127.0.0.1' }, clock, note)
  await untilAddress({ name: 'lo', address: '127.0.0.1' }, clock, note)
  t.equal(waits.length, 1)
  for (const name of [undefined, 'none0']) {
    const abandoned = fakeClock()
    void untilAddress({ name, address: '203.0.113.77' }, abandoned, note)
  }
  t.match(waits.slice(1), [/^no interface of this machine has the address 203/, /^cannot serve on none0/])
})
