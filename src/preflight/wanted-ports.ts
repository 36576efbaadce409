/** The ports that slipway listens on, by the plan. Pure. */
import type { Plan } from '../plan/compile.ts'
import { formatIpv4 } from '../proto/address/ip.ts'

export type WantedPort = {
  readonly service: 'dhcp' | 'dns' | 'tftp' | 'http' | 'https' | 'syslog'
  readonly transport: 'udp' | 'tcp'
  readonly address: string
  readonly port: number
}

export function wantedPorts({ endpoint, dhcp, tftp, http, dns, syslog }: Plan): WantedPort[] {
  const address = formatIpv4(endpoint.address)
  const proxy = dhcp.proxyPort === undefined ? [] : [dhcp.proxyPort]
  return [
    ...[dhcp.serverPort, ...proxy].map(
      (port) => ({ service: 'dhcp', transport: 'udp', address: '0.0.0.0', port }) as const,
    ),
    { service: 'tftp', transport: 'udp', address: tftp.address, port: tftp.port },
    { service: 'http', transport: 'tcp', address, port: http.port },
    ...(http.tls === undefined
      ? []
      : [{ service: 'https', transport: 'tcp', address, port: http.tls.port } as const]),
    ...(dns === undefined
      ? []
      : (['udp', 'tcp'] as const).map(
          (transport) => ({ service: 'dns', transport, ...dns.listen }) as const,
        )),
    ...(syslog === undefined
      ? []
      : (['udp', 'tcp'] as const).map(
          (transport) => ({ service: 'syslog', transport, address, port: syslog.port }) as const,
        )),
  ]
}

/** `udp port 67 (dhcp)` */
export function portText({ service, transport, port }: WantedPort): string {
  return `${transport} port ${port} (${service})`
}
