/**
 * Renders keepalived.conf for machines that share the addresses of the load balancer (VRRP, RFC 5798). Each machine
 * renders its own from the same site file, in which only `server.address` differs.
 */
import { formatIp, isIpv4, type Ip, formatIpv4, type Ipv4 } from '../proto/address/ip.ts'
import { serviceFrontends } from './haproxy/plan.ts'
import { subnetOf, type Model } from './model.ts'

/** @returns nothing when the site has no addresses to share */
export function renderKeepalived({ site, members }: Model): string | undefined {
  const { server, keepalived } = site
  if (keepalived === undefined) return undefined
  const machines = [...new Set([server.address, ...server.peers])].sort((a, b) => a - b)
  const shared = [
    ...new Set(
      site.clusters
        .flatMap((cluster) => serviceFrontends(cluster, members))
        .flatMap(({ addresses }) => addresses),
    ),
  ].filter((address) => !isIpv4(address) || !machines.includes(address))
  if (shared.length === 0) return undefined

  // The rules of the site file require one of the two.
  const device = (keepalived.interface ?? server.interface) as string
  const line = (address: Ip): string => `    ${formatIp(address)}/${prefixLength(address)} dev ${device}`
  const peers = machines.filter((address) => address !== server.address)
  // A VRRP packet has addresses of one family: IPv4 if there are any, and the others move together with them.
  const hasIpv4 = shared.some(isIpv4)
  const announced = shared.filter((address) => isIpv4(address) === hasIpv4)
  const others = shared.filter((address) => isIpv4(address) !== hasIpv4)
  return `# Written by slipway from the site file of ${site.site}, for the machine ${formatIpv4(server.address)}.

global_defs {
  router_id ${site.site}
  enable_script_security
  script_user nobody
}

# Checks HAProxy itself, not its servers: a node that is down is down for all machines.
vrrp_script haproxy {
  script "/usr/bin/curl --silent --fail --output /dev/null --max-time 2 http://127.0.0.1:${keepalived.healthPort}/"
  interval 2
  timeout 3
  fall 2
  rise 2
}

# The active machine keeps the addresses until it fails (nopreempt). Initially, the machine with the lowest address is active.
vrrp_instance slipway {
  state BACKUP
  nopreempt
  interface ${device}
  virtual_router_id ${keepalived.routerId}
  priority ${Math.max(1, 100 - machines.indexOf(server.address))}
  advert_int 1
${hasIpv4 ? unicast(server.address, peers) : ''}${block('virtual_ipaddress', announced.map(line))}${block('virtual_ipaddress_excluded', others.map(line))}\
  track_script {
    haproxy
  }
}
`

  function prefixLength(address: Ip): number {
    if (!isIpv4(address)) return 128
    return subnetOf(site, address)?.cidr.prefix ?? 32
  }
}

/** Unicast, because many networks drop multicast. The addresses of these machines are IPv4. */
function unicast(own: Ipv4, peers: readonly Ipv4[]): string {
  const lines = peers.map((peer) => `    ${formatIpv4(peer)}`)
  return `  unicast_src_ip ${formatIpv4(own)}\n${block('unicast_peer', lines)}`
}

function block(name: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `  ${name} {\n${lines.join('\n')}\n  }\n`
}
