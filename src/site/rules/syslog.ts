/** Rules for the section `syslog`. */
import type { Rule } from '../problem.ts'

/** UDP and TCP: it must differ from the ports of DHCP, TFTP, DNS, and HTTP. */
const freePort: Rule = {
  code: 'site.port-conflict',
  needs: ['server', 'syslog'],
  check({ server: { ports }, syslog }) {
    const key = (['dhcp', 'dhcpClient', 'tftp', 'dns', 'http'] as const).find(
      (each) => ports[each] === syslog?.port,
    )
    if (key === undefined) return []
    const expected = `another port: server.ports.${key} is the same`
    return [{ path: ['syslog', 'port'], got: String(ports[key]), expected, other: ['server', 'ports', key] }]
  },
}

export const syslogRules = [freePort]
