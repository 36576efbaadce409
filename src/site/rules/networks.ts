/** Subnets, gateways, ports and resolvers: whether the networks make sense together. */
import { formatIp, isIpv4, type Ip } from '../../proto/address/ip.ts'
import {
  cidrContains,
  formatCidr,
  formatIpv4,
  isHostAddress,
  type Cidr,
  type Ipv4,
} from '../../proto/address/ipv4.ts'
import { declaredClusters, loadBalancerAddresses, machines, repetitions, type Written } from '../declared.ts'
import type { Flaw } from '../flaw.ts'
import type { Path } from '../problem.ts'
import type { Site } from '../schema.ts'
import type { Rule } from './rule.ts'

const firstMulticast = 224 * 2 ** 24

/** RFC 1112 §4: from 224.0.0.0 on no address is one machine's. Below /8 nobody means what is written. */
function isOfMachines({ prefix, network }: Cidr): boolean {
  return prefix >= 8 && prefix <= 30 && network < firstMulticast
}

const subnetSize: Rule = {
  needs: [],
  check: (site) =>
    site.subnets.flatMap(({ cidr }, index): Flaw[] =>
      isOfMachines(cidr)
        ? []
        : [
            {
              path: ['subnets', index, 'cidr'],
              expected: 'a network of machines: from /8 to /30, below 224.0.0.0',
            },
          ],
    ),
}

const overlap: Rule = {
  needs: [],
  check: ({ subnets }) =>
    subnets.flatMap(({ cidr }, index): Flaw[] => {
      const before = subnets
        .slice(0, index)
        .findIndex((other) => isOfMachines(other.cidr) && overlaps(other.cidr, cidr))
      if (before === -1 || !isOfMachines(cidr)) return []
      const expected = 'a network that overlaps no other: an address must tell its subnet'
      return [{ path: ['subnets', index, 'cidr'], expected, other: ['subnets', before, 'cidr'] }]
    }),
}

function overlaps(one: Cidr, other: Cidr): boolean {
  return cidrContains(one, other.network) || cidrContains(other, one.network)
}

const gatewayInSubnet: Rule = {
  needs: [],
  check: (site) =>
    site.subnets.flatMap(({ cidr, gateway }, index): Flaw[] =>
      gateway === undefined || isHostAddress(cidr, gateway)
        ? []
        : [
            {
              path: ['subnets', index, 'gateway'],
              expected: `an address of a machine in ${formatCidr(cidr)}`,
            },
          ],
    ),
}

const routers: Rule = {
  needs: [],
  check: (site) =>
    site.subnets.flatMap(({ cidr, gateway, routes }, index): Flaw[] => {
      const path = ['subnets', index, 'routes'] as const
      const written = routes.map((route, at) => ({ ...route, path: [...path, at] }))
      const strays = written
        .filter(({ via }) => !isHostAddress(cidr, via))
        .map((route) => ({
          path: [...route.path, 'via'],
          expected: `an address of a machine in ${formatCidr(cidr)}`,
        }))
      const again = repetitions(written, ({ to }) => formatCidr(to)).map((pair) => ({
        path: [...pair.again.path, 'to'],
        expected: 'a network that has no route yet',
        other: [...pair.first.path, 'to'],
      }))
      const defaults = written
        .filter(({ to }) => to.prefix === 0 && gateway !== undefined)
        .map((route) => ({
          path: [...route.path, 'to'],
          expected: 'another network: the default route is gateway',
          other: ['subnets', index, 'gateway'],
        }))
      return [...strays, ...again, ...defaults]
    }),
}

/** What is not reserved by DHCP may be anywhere, but a network's own addresses belong to nobody. */
const nobodysAddress: Rule = {
  needs: ['server'],
  check(site) {
    const written: Written[] = [
      { path: ['server', 'address'], address: site.server.address },
      ...declaredClusters(site).flatMap(loadBalancerAddresses),
      ...machines(site)
        .filter(({ mac }) => mac === undefined)
        .flatMap(({ path, addresses }) =>
          addresses.map((address) => ({ path: [...path, 'address'], address })),
        ),
    ]
    return written.flatMap(({ path, address }): Flaw[] =>
      isIpv4(address) && isNobodys(site, address)
        ? [{ path, got: formatIp(address), expected: 'the address of a machine' }]
        : [],
    )
  },
}

function isNobodys(site: Site, address: Ipv4): boolean {
  if (address === 0 || address >= firstMulticast) return true
  return site.subnets.some(({ cidr }) => cidrContains(cidr, address) && !isHostAddress(cidr, address))
}

/** `dhcpClient` is the other side's, but on one machine it must differ all the same: we would answer ourselves. */
const ports: Rule = {
  needs: ['server'],
  check({ server }) {
    const claims = (keys: readonly (keyof typeof server.ports)[]) =>
      repetitions(
        keys.map((key) => ({ path: ['server', 'ports', key], port: server.ports[key] })),
        ({ port }) => port,
      )
    const udp = claims(['dhcp', 'dhcpClient', 'tftp', 'dns'])
    const tcp = claims(['dns', 'http'])
    return [...udp, ...tcp].map(({ first, again }) => ({
      path: again.path,
      got: String(again.port),
      expected: `a port of its own: ${String(first.path.at(-1))} has it too`,
    }))
  },
}

const forwardLoop: Rule = {
  needs: ['server', 'dns'],
  check: ({ server, dns }) =>
    resolverLists(dns).flatMap(({ path, servers }) =>
      servers.flatMap((address, index): Flaw[] =>
        // Resolvers are always asked on port 53.
        dns.serve && server.ports.dns === 53 && address === server.address
          ? [
              {
                path: [...path, index],
                expected: `another resolver: ${formatIpv4(server.address)} is this server, it would ask itself for ever`,
                other: ['server', 'address'],
              },
            ]
          : [],
      ),
    ),
}

function resolverLists({ forward, forwardZones }: Site['dns']): { path: Path; servers: readonly Ip[] }[] {
  return [
    { path: ['dns', 'forward'], servers: forward },
    ...forwardZones.map(({ servers }, index) => ({
      path: ['dns', 'forwardZones', index, 'servers'],
      servers,
    })),
  ]
}

const forwardZonesApart: Rule = {
  needs: ['dns'],
  check: ({ dns }) =>
    repetitions(
      dns.forwardZones.map(({ zone }, index) => ({ path: ['dns', 'forwardZones', index, 'zone'], zone })),
      ({ zone }) => zone,
    ).map(({ first, again }) => ({
      path: again.path,
      expected: 'a zone of its own: put all its servers in one list',
      other: first.path,
    })),
}

const resolversNamed: Rule = {
  needs: ['dns'],
  check: ({ dns, subnets }) =>
    subnets.flatMap((subnet, index): Flaw[] =>
      dns.serve || subnet.dns !== undefined || subnet.dhcp === 'proxy'
        ? []
        : [
            {
              path: ['subnets', index, 'dns'],
              message:
                'missing, expected the resolvers of nodes: this server does not answer while dns.serve is false',
              other: ['dns', 'serve'],
            },
          ],
    ),
}

export const networkRules = [
  subnetSize,
  overlap,
  gatewayInSubnet,
  routers,
  nobodysAddress,
  ports,
  forwardLoop,
  forwardZonesApart,
  resolversNamed,
]
