/** The sections `server`, `subnets`, `tftp`, `keepalived`, and `store` of the site file. */
import { z } from 'zod'
import { ipv4Pattern, parseIpv4, type Ipv4 } from '../proto/address/ip.ts'
import { defaultLeaseSeconds } from '../proto/dhcp/message.ts'
import { dhcpOptions } from './dhcp-option.ts'
import { tlsSection } from './tls-section.ts'
import {
  anyCidr,
  cidr,
  domain,
  interfaceName,
  ipv4,
  ipv6,
  port,
  seconds,
  segmentName,
  wholeNumber,
  etcdEndpoint,
  etcdPrefix,
  oneOrMore,
  scalar,
  path,
} from './scalars.ts'

/** Who leases the addresses of a subnet: this server, or another one, with this server as ProxyDHCP. */
const dhcpModes = ['full', 'proxy'] as const

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
    address6: ipv6.optional().meta({
      description:
        'IPv6 address of this machine on which HTTP, TFTP, and DNS also listen; required with subnets6',
    }),
    peers: oneOrMore(ipv4).default([]).meta({
      description: 'addresses of the slipway servers that serve this site; this server can be one of them',
    }),
    installer: ipv4.optional().meta({
      description:
        'with peers: the address of the one server that installs nodes; the same in every site file',
    }),
    monitors: oneOrMore(anyCidr)
      .optional()
      .meta({
        description:
          'networks whose clients get the names of nodes in /metrics, in addition to this machine, for example the address of Prometheus',
        examples: [['172.16.0.5/32']],
      }),
    tls: tlsSection.optional(),
    ports: z
      .strictObject({
        dhcp: port.default(67).meta({ description: 'UDP port of DHCP' }),
        dhcpClient: port.default(68).meta({
          description: 'UDP port of DHCP clients; change it only to test without root',
        }),
        dhcp6: port.optional().meta({ description: 'UDP port of DHCPv6; by default 547' }),
        dhcp6Client: port.optional().meta({
          description: 'UDP port of DHCPv6 clients; by default 546; change it only to test without root',
        }),
        tftp: port.default(69).meta({ description: 'UDP port of TFTP' }),
        http: port
          .default(80)
          .meta({ description: 'TCP port of HTTP; change it if HAProxy uses port 80 of this address' }),
        https: port.optional().meta({ description: 'TCP port of HTTPS (tls); by default 8444' }),
        dns: port.default(53).meta({ description: 'UDP and TCP port of DNS' }),
      })
      .prefault({})
      .meta({ description: 'ports, if not the standard ones' }),
  })
  .meta({ description: 'the machine that slipway runs on' })

/** RFC 2132 §8.3: option 42 carries addresses only, and slipway does not resolve names: answers would depend on the time. */
const timeServer = scalar<Ipv4>({
  expected:
    'an IPv4 address, because DHCP option 42 cannot contain names; to use a name, add /etc/chrony.conf to the nodes with the key files',
  parse: parseIpv4,
  examples: ['172.16.0.101'],
  pattern: `^${ipv4Pattern}$`,
})

export const subnetSection = z
  .strictObject({
    cidr: cidr.meta({ description: 'network that is attached to this machine or behind a DHCP relay' }),
    dhcp: z.enum(dhcpModes).default('full').meta({
      description:
        'full: this server leases addresses; proxy: another DHCP server does, and this one only names the boot file (ProxyDHCP)',
    }),
    otherDhcpServers: z.enum(['refuse', 'allow']).default('refuse').meta({
      description:
        'refuse: offer no addresses while another DHCP server answers on this network; allow: offer them anyway',
    }),
    gateway: ipv4
      .optional()
      .meta({ description: 'default router of the nodes (DHCP option 3)', examples: ['172.16.0.254'] }),
    relays: oneOrMore(ipv4).default([]).meta({
      description:
        'addresses (giaddr) of the DHCP relay agents of this subnet; by default any address in this subnet',
    }),
    segment: segmentName.optional().meta({
      description:
        'name of the network segment (VLAN); subnets with the same name share it, and their nodes can boot anywhere on it',
    }),
    dns: oneOrMore(ipv4, 1)
      .optional()
      .meta({ description: 'resolvers of the nodes (DHCP option 6); by default this server' }),
    ntp: oneOrMore(timeServer).default([]).meta({ description: 'time servers (DHCP option 42)' }),
    domain: domain
      .optional()
      .meta({ description: 'domain name (DHCP option 15); by default <cluster>.<domain> for nodes' }),
    search: oneOrMore(domain).default([]).meta({ description: 'domain search list (DHCP option 119)' }),
    leaseSeconds: seconds(120, 0xfffffffe).default(defaultLeaseSeconds).meta({
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

export const tftpSection = z
  .strictObject({
    root: path
      .optional()
      .meta({ description: 'directory with your own files, served in addition to the boot loaders' }),
    ports: z
      .strictObject({
        from: port.meta({ description: 'first port of the range' }),
        to: port.meta({ description: 'last port of the range' }),
      })
      .optional()
      .meta({
        description: 'ports that transfers are sent from, for a firewall; by default any free port',
      }),
    singlePort: z.boolean().default(false).meta({
      description: 'true: transfers are sent from the request port, for nodes behind NAT and for containers',
    }),
    clients: oneOrMore(anyCidr)
      .optional()
      .meta({ description: 'networks that may load files, in addition to the subnets' }),
    loaders: z
      .strictObject({
        bios: path.optional().meta({ description: 'for BIOS machines' }),
        x64: path
          .optional()
          .meta({ description: 'for every x86_64 UEFI machine; overrides loader of its node' }),
        arm64: path
          .optional()
          .meta({ description: 'for every aarch64 UEFI machine; overrides loader of its node' }),
      })
      .prefault({})
      .meta({ description: 'boot loader files; by default those of the ipxe package' }),
  })
  .meta({ description: 'TFTP: the boot loaders for PXE firmware' })

export const keepalivedSection = z
  .strictObject({
    interface: interfaceName
      .optional()
      .meta({ description: 'interface of the shared addresses; by default server.interface' }),
    routerId: wholeNumber(1, 255, '')
      .default(51)
      .meta({ description: 'VRRP virtual router ID, unique on this network' }),
    healthPort: port
      .default(9444)
      .meta({ description: "port on 127.0.0.1 for the check of HAProxy's health" }),
  })
  .meta({
    description: 'keepalived: shares the addresses of the load balancer with server.peers by VRRP',
  })

export const storeSection = z
  .strictObject({
    etcd: z
      .strictObject({
        endpoints: oneOrMore(etcdEndpoint, 1).meta({
          description: 'client URLs of the members (etcdctl --endpoints)',
          examples: [['https://172.16.0.101:2379', 'https://172.16.0.102:2379', 'https://172.16.0.103:2379']],
        }),
        ca: path.optional().meta({
          description: 'file with the certificates of the CA of the members (etcdctl --cacert)',
          examples: ['/etc/slipway/etcd/ca.crt'],
        }),
        cert: path.optional().meta({
          description: 'file with the client certificate (etcdctl --cert)',
          examples: ['/etc/slipway/etcd/slipway.crt'],
        }),
        key: path.optional().meta({
          description: 'file with the key of the client certificate (etcdctl --key)',
          examples: ['/etc/slipway/etcd/slipway.key'],
        }),
        prefix: etcdPrefix
          .optional()
          .meta({ description: 'prefix of all keys, the same on all servers; by default /slipway/<site>' }),
      })
      .meta({ description: 'etcd 3.4 or later, reached through its JSON gateway' }),
  })
  .meta({
    description:
      'store that all servers of this site share, so that each of them can install nodes; omit the section if server.installer is set',
  })
