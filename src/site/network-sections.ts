/** The sections `server` and `subnets` of the site file. */
import { z } from 'zod'
import { dhcpOptions } from './dhcp-option.ts'
import {
  cidr,
  domain,
  interfaceName,
  ipv4,
  ipv6,
  port,
  seconds,
  segmentName,
  wholeNumber,
} from './scalars.ts'

/** Who leases the addresses of a subnet: this server, or another one, with this server as ProxyDHCP. */
export const dhcpModes = ['full', 'proxy'] as const

export const oneDay = 86_400

/** The same key exists for the site, subnets, clusters, and nodes; for the same code, the more specific one applies. */
export const extraOptions = dhcpOptions('bootable').meta({
  description:
    'more DHCP options; for the same code, a node overrides its cluster, a cluster its subnet, and a subnet the site',
})

export const serverSection = z
  .strictObject({
    // Sockets are bound to addresses; the interface is only checked when serving starts (src/host/cannot-listen.ts).
    interface: interfaceName.optional().meta({
      description: 'interface on the network of the nodes; slipway does not start while it is down',
    }),
    address: ipv4.meta({ description: 'address of this machine on the network of the nodes' }),
    address6: ipv6.optional().meta({ description: 'IPv6 address of this machine on which HTTP listens too' }),
    peers: z
      .array(ipv4)
      .default([])
      .meta({ description: 'addresses of other slipway servers with the same site' }),
    installer: ipv4.optional().meta({
      description:
        'with peers: the address of the one server that installs nodes, the same in the site files of all of them',
    }),
    ports: z
      .strictObject({
        dhcp: port.default(67).meta({ description: 'UDP port of DHCP' }),
        dhcpClient: port.default(68).meta({
          description: 'UDP port of DHCP clients; change it only to test without root',
        }),
        tftp: port.default(69).meta({ description: 'UDP port of TFTP' }),
        http: port
          .default(80)
          .meta({ description: 'TCP port of HTTP; change it if HAProxy uses port 80 of this address' }),
        dns: port.default(53).meta({ description: 'UDP and TCP port of DNS' }),
      })
      .prefault({})
      .meta({ description: 'ports, if not the standard ones' }),
  })
  .meta({ description: 'the machine that slipway runs on' })

export const subnetSection = z
  .strictObject({
    cidr: cidr.meta({ description: 'network that is attached to this machine or behind a DHCP relay' }),
    dhcp: z.enum(dhcpModes).default('full').meta({
      description:
        'full: this server leases addresses; proxy: another DHCP server does, and this one only names the boot file (ProxyDHCP)',
    }),
    gateway: ipv4.optional().meta({ description: 'default router of the nodes (DHCP option 3)' }),
    relays: z.array(ipv4).default([]).meta({
      description:
        'addresses (giaddr) of the DHCP relay agents of this subnet; by default any address in this subnet',
    }),
    segment: segmentName.optional().meta({
      description:
        'name of the network segment (VLAN); subnets with the same name share it, and their nodes can boot anywhere on it',
    }),
    dns: z
      .array(ipv4)
      .min(1)
      .optional()
      .meta({ description: 'resolvers of the nodes (DHCP option 6); by default this server' }),
    ntp: z.array(ipv4).default([]).meta({ description: 'time servers (DHCP option 42)' }),
    domain: domain
      .optional()
      .meta({ description: 'domain name (DHCP option 15); by default <cluster>.<domain> for nodes' }),
    search: z.array(domain).default([]).meta({ description: 'domain search list (DHCP option 119)' }),
    leaseSeconds: seconds(120, 0xfffffffe).default(oneDay).meta({
      description: 'lease time (DHCP option 51); it should be longer than an installation',
    }),
    mtu: wholeNumber(576, 65_535, ' of octets')
      .optional()
      .meta({ description: 'MTU of the interfaces (DHCP option 26)' }),
    routes: z
      .array(
        z
          .strictObject({
            to: cidr.meta({ description: 'destination network' }),
            via: ipv4.meta({ description: 'router in this subnet' }),
          })
          .meta({ description: 'route' }),
      )
      .default([])
      .meta({ description: 'routes besides the gateway (DHCP options 121, 249, and 33)' }),
    dhcpOptions: extraOptions,
  })
  .meta({ description: 'network of nodes' })
