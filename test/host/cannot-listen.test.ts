import t from 'tap'
import { cannotBind, isPortTaken } from '../../src/host/cannot-listen.ts'

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
