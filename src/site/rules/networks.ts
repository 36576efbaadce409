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
import type { Violation, Rule } from '../violation.ts'
import type { Path } from '../problem.ts'
import type { Site } from '../schema.ts'

const firstMulticast = 224 * 2 ** 24

/** RFC 1112 §4: from 224.0.0.0 on no address is one machine's. Below /8 nobody means what is written. */
function isOfMachines({ prefix, network }: Cidr): boolean {
  return prefix >= 8 && prefix <= 30 && network < firstMulticast
}

const subnetSize: Rule = {
  needs: [],
  check: (site) =>
    site.subnets.flatMap(({ cidr }, index): Violation[] =>
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
    subnets.flatMap(({ cidr }, index): Violation[] => {
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
    site.subnets.flatMap(({ cidr, gateway }, index): Violation[] =>
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
    site.subnets.flatMap(({ cidr, gateway, routes }, index): Violation[] => {
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
    return written.flatMap(({ path, address }): Violation[] =>
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
      servers.flatMap((address, index): Violation[] =>
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
    subnets.flatMap((subnet, index): Violation[] =>
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

/** The ports that TFTP's transfers answer from: one way of choosing them, and a range that can be had. */

/** A node takes one, and no machine may have more than a quarter of them: so four machines at the least. */
const leastPorts = 16
/** What is below needs a privilege. */
const firstUnprivileged = 1024

const oneWay: Rule = {
  needs: ['tftp'],
  check: ({ tftp }) =>
    tftp.singlePort && tftp.ports !== undefined
      ? [
          {
            path: ['tftp', 'singlePort'],
            expected: 'either this or ports: transfers answer from the request port or from the range',
            other: ['tftp', 'ports'],
          },
        ]
      : [],
}

const rangeSize: Rule = {
  needs: ['tftp'],
  check({ tftp: { ports } }): Violation[] {
    if (ports === undefined) return []
    const { from, to } = ports
    if (from < firstUnprivileged) {
      return [{ path: ['tftp', 'ports', 'from'], expected: `a port from ${firstUnprivileged} on` }]
    }
    const least = from + leastPorts - 1
    if (to >= least) return []
    const expected = `a port from ${least} on: a range of ${leastPorts} ports at the least, each transfer takes one`
    return [{ path: ['tftp', 'ports', 'to'], expected }]
  },
}

const ownPorts: Rule = {
  needs: ['server', 'tftp'],
  check({ server, tftp: { ports } }): Violation[] {
    if (ports === undefined) return []
    return (['dhcp', 'dhcpClient', 'tftp', 'dns'] as const)
      .filter((key) => server.ports[key] >= ports.from && server.ports[key] <= ports.to)
      .map((key) => ({
        path: ['tftp', 'ports'],
        got: `${ports.from} to ${ports.to}`,
        expected: `a range of its own: ${server.ports[key]} is the port of ${key}`,
        other: ['server', 'ports', key],
      }))
  },
}

export const transferPortRules = [oneWay, rangeSize, ownPorts]
