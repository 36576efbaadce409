import t from 'tap'
import { cannotBind, isPortTaken } from '../../src/host/cannot-listen.ts'

const dhcp = { transport: 'udp', address: '172.16.0.101', port: 67, name: 'dhcp' } as const

const cases = [
  {
    name: 'a taken port names the usual holder and the command that finds it',
    wanted: dhcp,
    code: 'EADDRINUSE',
    message:
      'cannot listen on udp 172.16.0.101:67 for dhcp: the port is taken (often by dhcpd, or the dnsmasq of libvirt); ' +
      "see by whom with: ss -lunp 'sport = :67'",
  },
  {
    name: 'a taken port that nobody usually holds',
    wanted: { transport: 'tcp', address: '0.0.0.0', port: 8080 } as const,
    code: 'EADDRINUSE',
    message:
      "cannot listen on tcp 0.0.0.0:8080: the port is taken; see by whom with: ss -ltnp 'sport = :8080'",
  },
  {
    name: 'a missing privilege names three ways out',
    wanted: dhcp,
    code: 'EACCES',
    message:
      'cannot listen on udp 172.16.0.101:67 for dhcp: ports below 1024 need a privilege; start slipway by its systemd ' +
      "socket units, give it CAP_NET_BIND_SERVICE, or set other ports in the site's server.ports",
  },
  {
    name: 'a missing privilege beside misnamed sockets points at their names',
    wanted: { ...dhcp, passedNames: ['slipway-dhcp.socket', 'tftp'] },
    code: 'EACCES',
    message:
      'cannot listen on udp 172.16.0.101:67 for dhcp: no privilege to bind it, and systemd passed sockets named ' +
      'slipway-dhcp.socket, tftp but none with FileDescriptorName=dhcp',
  },
  {
    name: 'an address of no interface',
    wanted: dhcp,
    code: 'EADDRNOTAVAIL',
    message:
      'cannot listen on udp 172.16.0.101:67 for dhcp: no interface of this machine has the address 172.16.0.101; ' +
      "correct the site's server.address or add it to an interface",
  },
  {
    name: "anything else is told in the system's words",
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
