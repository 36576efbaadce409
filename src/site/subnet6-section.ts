/** The section `subnets6` of the site file: IPv6 networks of nodes, DHCPv6, and router advertisements. */
import { z } from 'zod'
import { defaultLeaseSeconds } from '../proto/dhcp/message.ts'
import { cidr6, domain, interfaceName, ipv6, oneOrMore, seconds } from './scalars.ts'

const routerAdvertisements = z
  .strictObject({
    interface: interfaceName.optional().meta({
      description: 'interface that radvd sends on; by default server.interface',
    }),
    router: z.boolean().default(false).meta({
      description: 'true: this machine is the default router of the nodes',
    }),
    managed: z.boolean().default(true).meta({
      description: 'M flag; true: nodes request their address by DHCPv6',
    }),
    other: z.boolean().default(true).meta({
      description: 'O flag; true: nodes request other settings, such as the boot file, by DHCPv6',
    }),
    autonomous: z.boolean().default(false).meta({
      description: 'true: nodes also choose an address in this network themselves (SLAAC)',
    }),
  })
  .meta({
    description:
      'router advertisements, which slipway render radvd writes as the configuration of radvd; omit the key if a router sends them',
  })

export const subnet6Section = z
  .strictObject({
    cidr: cidr6.meta({ description: 'network that is attached to this machine or behind a DHCPv6 relay' }),
    relays: oneOrMore(ipv6).default([]).meta({
      description:
        'addresses of the DHCPv6 relay agents of this network; by default any address in a network of subnets6',
    }),
    dns: oneOrMore(ipv6, 1)
      .optional()
      .meta({ description: 'resolvers of the nodes (DHCPv6 option 23); by default server.address6' }),
    search: oneOrMore(domain).default([]).meta({
      description: 'domain search list (DHCPv6 option 24); by default <cluster>.<domain> for nodes',
    }),
    leaseSeconds: seconds(120, 0xfffffffe).default(defaultLeaseSeconds).meta({
      description: 'valid and preferred lifetime of addresses; it should be longer than an installation',
    }),
    routerAdvertisements: routerAdvertisements.optional(),
  })
  .meta({ description: 'IPv6 network of nodes' })
