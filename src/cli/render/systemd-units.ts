/** The commands that enable the socket units of a site. Pure. */
import type { Model } from '../../plan/model.ts'
import { formatIp } from '../../proto/address/ip.ts'
import type { Rendered } from './hosted-yaml.ts'

/** The ports in the units. */
const unitPorts: Readonly<Record<string, number>> = {
  ...{ dhcp: 67, tftp: 69, dns: 53, http: 80, syslog: 514, proxydhcp: 4011 },
  ...{ dhcp6: 547, dhcp6Client: 546 },
}

const installed = '/usr/lib/systemd/system'
const local = '/etc/systemd/system'

/**
 * Returns a shell script for root. It enables the socket units with the interface and the addresses of the site, and
 * then the service: systemd opens the ports, so the service needs no privileges.
 */
export function enableUnits({ site }: Model): Rendered {
  const { interface: device, address, address6, ports } = site.server
  const declared = { ...ports, ...(site.syslog && { syslog: site.syslog.port }) }
  const other = Object.entries(declared).find(([name, port]) => (unitPorts[name] ?? port) !== port)
  if (other !== undefined) {
    const [name, port] = other
    return { reason: `the units listen on the standard ports: set ${port} for ${name} in copies of them` }
  }
  if (device === undefined) return { reason: 'set server.interface: the DHCP socket is bound to it' }
  const isProxy = site.subnets.some(({ dhcp: mode }) => mode === 'proxy')
  const own = formatIp(address)
  const dhcp = `slipway-dhcp-${device}.socket`
  const sockets = [
    dhcp,
    `slipway-tftp@${own}.socket`,
    ...(site.dns.serve ? [`slipway-dns@${own}.socket`] : []),
    `slipway-http@${own}.socket`,
    ...(site.syslog === undefined ? [] : [`slipway-syslog@${own}.socket`]),
    ...(isProxy ? [`slipway-proxydhcp@${own}.socket`] : []),
    ...(address6 === undefined ? [] : ipv6Units(site)),
  ]
  const lines = [
    `sed 's/^BindToDevice=.*/BindToDevice=${device}/' ${installed}/slipway-dhcp.socket > ${local}/${dhcp}`,
    ...(address6 === undefined
      ? []
      : ipv6Units(site)
          .filter((unit) => unit !== dhcp6Unit)
          .map(
            (unit) =>
              `sed 's/\\[2001:db8::101\\]/[${formatIp(address6)}]/' ${installed}/${unit} > ${local}/${unit}`,
          )),
    'systemctl daemon-reload',
    `systemctl enable --now ${sockets.join(' ')}`,
    // Without a command of its own, HAProxy is reloaded by this pair of units.
    ...(site.haproxy !== undefined &&
    site.haproxy.reload === undefined &&
    site.haproxy.masterSocket === undefined
      ? ['systemctl enable --now slipway-haproxy.path']
      : []),
    'systemctl enable --now slipway.service',
  ]
  return { text: ['set -e', ...lines, ''].join('\n') }
}

const dhcp6Unit = 'slipway-dhcp6.socket'

/** Returns the units of a server with an IPv6 address. The one of DHCPv6 listens on all interfaces and needs no address. */
function ipv6Units({ dns, subnets6, syslog }: Model['site']): string[] {
  return [
    'slipway-http6.socket',
    'slipway-tftp6.socket',
    ...(dns.serve ? ['slipway-dns6.socket'] : []),
    ...(syslog === undefined ? [] : ['slipway-syslog6.socket']),
    ...(subnets6.length === 0 ? [] : [dhcp6Unit]),
  ]
}
