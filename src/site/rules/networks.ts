/** Subnets, gateways, routes, ports, and resolvers, and whether they fit together. */
import {
  formatIp,
  isIpv4,
  cidrContains,
  formatCidr,
  formatIpv4,
  isHostAddress,
  type Cidr,
  type Ipv4,
} from '../../proto/address/ip.ts'
import {
  declaredClusters,
  httpsPort,
  loadBalancerAddresses,
  machines,
  repetitions,
  type DeclaredAddress,
} from '../declared.ts'
import type { ResolverAddress } from '../dns-section.ts'
import type { RuleViolation, Rule, Path } from '../problem.ts'
import type { Site } from '../schema.ts'

const firstMulticast = 224 * 2 ** 24

/** Addresses from 224.0.0.0 upward are multicast or reserved (RFC 1112 §4). A prefix below /8 is a typo. */
function isMachineNetwork({ prefix, network }: Cidr): boolean {
  return prefix >= 8 && prefix <= 30 && network < firstMulticast
}

const subnetSize: Rule = {
  code: 'site.subnet-size',
  needs: [],
  check: (site) =>
    site.subnets.flatMap(({ cidr }, index): RuleViolation[] =>
      isMachineNetwork(cidr)
        ? []
        : [
            {
              path: ['subnets', index, 'cidr'],
              expected: 'a network from /8 to /30 below 224.0.0.0',
            },
          ],
    ),
}

const separateSubnets: Rule = {
  code: 'site.subnet-overlap',
  needs: [],
  check: ({ subnets }) =>
    subnets.flatMap(({ cidr }, index): RuleViolation[] => {
      const before = subnets
        .slice(0, index)
        .findIndex((other) => isMachineNetwork(other.cidr) && overlaps(other.cidr, cidr))
      if (before === -1 || !isMachineNetwork(cidr)) return []
      const expected = 'a network that does not overlap another: each address must have one subnet'
      return [{ path: ['subnets', index, 'cidr'], expected, other: ['subnets', before, 'cidr'] }]
    }),
}

function overlaps(one: Cidr, other: Cidr): boolean {
  return cidrContains(one, other.network) || cidrContains(other, one.network)
}

const gatewayInSubnet: Rule = {
  code: 'site.gateway-outside-subnet',
  needs: [],
  check: (site) =>
    site.subnets.flatMap(({ cidr, gateway }, index): RuleViolation[] =>
      gateway === undefined || isHostAddress(cidr, gateway)
        ? []
        : [
            {
              path: ['subnets', index, 'gateway'],
              expected: `a host address in ${formatCidr(cidr)}`,
            },
          ],
    ),
}

const validRoutes: Rule = {
  code: 'site.route-invalid',
  needs: [],
  check: (site) =>
    site.subnets.flatMap(({ cidr, gateway, routes }, index): RuleViolation[] => {
      const path = ['subnets', index, 'routes'] as const
      const written = routes.map((route, at) => ({ ...route, path: [...path, at] }))
      const unreachable = written
        .filter(({ via }) => !isHostAddress(cidr, via))
        .map((route) => ({
          path: [...route.path, 'via'],
          expected: `a host address in ${formatCidr(cidr)}`,
        }))
      const repeated = repetitions(written, ({ to }) => formatCidr(to)).map((pair) => ({
        path: [...pair.again.path, 'to'],
        expected: 'a network that has no other route',
        other: [...pair.first.path, 'to'],
      }))
      const defaults = written
        .filter(({ to }) => to.prefix === 0 && gateway !== undefined)
        .map((route) => ({
          path: [...route.path, 'to'],
          expected: 'another network: gateway already sets the default route',
          other: ['subnets', index, 'gateway'],
        }))
      return [...unreachable, ...repeated, ...defaults]
    }),
}

/** An address that DHCP does not reserve may be outside the subnets, but must be one that a machine can have. */
const hostAddresses: Rule = {
  code: 'site.address-not-a-host',
  needs: ['server'],
  check(site) {
    const written: DeclaredAddress[] = [
      { path: ['server', 'address'], address: site.server.address },
      ...declaredClusters(site).flatMap(loadBalancerAddresses),
      ...machines(site)
        .filter(({ macs }) => macs.length === 0)
        .flatMap(({ path, addresses }) =>
          addresses.map((address) => ({ path: [...path, 'address'], address })),
        ),
    ]
    return written.flatMap(({ path, address }): RuleViolation[] =>
      isIpv4(address) && isNotAHost(site, address)
        ? [{ path, got: formatIp(address), expected: 'the address of a machine' }]
        : [],
    )
  },
}

function isNotAHost(site: Site, address: Ipv4): boolean {
  if (address === 0 || address >= firstMulticast) return true
  return site.subnets.some(({ cidr }) => cidrContains(cidr, address) && !isHostAddress(cidr, address))
}

/** `dhcpClient` is the port of the clients, but must differ too: on one machine the server would answer itself. */
const distinctPorts: Rule = {
  code: 'site.port-conflict',
  needs: ['server'],
  check({ server }) {
    const ports = { ...server.ports, https: httpsPort(server) }
    const claims = (keys: readonly (keyof typeof server.ports)[]) =>
      repetitions(
        keys.map((key) => ({ path: ['server', 'ports', key], port: ports[key] })),
        ({ port }) => port,
      )
    const udp = claims(['dhcp', 'dhcpClient', 'tftp', 'dns'])
    const tcp = claims(['dns', 'http', ...(server.tls === undefined ? [] : (['https'] as const))])
    return [...udp, ...tcp].map(({ first, again }) => ({
      path: again.path,
      got: String(again.port),
      expected: `another port: ${String(first.path.at(-1))} has the same one`,
    }))
  },
}

const forwardLoop: Rule = {
  code: 'site.forward-loop',
  needs: ['server', 'dns'],
  check: ({ server, dns }) =>
    resolverLists(dns).flatMap(({ path, servers }) =>
      servers.flatMap(({ address, port }, index): RuleViolation[] =>
        dns.serve && server.ports.dns === port && address === server.address
          ? [
              {
                path: [...path, index],
                got: formatIp(address),
                expected: `another resolver: ${formatIpv4(server.address)} is this server, which would query itself in a loop`,
                other: ['server', 'address'],
              },
            ]
          : [],
      ),
    ),
}

function resolverLists({
  forward,
  forwardZones,
}: Site['dns']): { path: Path; servers: readonly ResolverAddress[] }[] {
  return [
    { path: ['dns', 'forward'], servers: forward },
    ...forwardZones.map(({ servers }, index) => ({
      path: ['dns', 'forwardZones', index, 'servers'],
      servers,
    })),
  ]
}

const distinctForwardZones: Rule = {
  code: 'site.forward-zone-repeated',
  needs: ['dns'],
  check: ({ dns }) =>
    repetitions(
      dns.forwardZones.map(({ zone }, index) => ({ path: ['dns', 'forwardZones', index, 'zone'], zone })),
      ({ zone }) => zone,
    ).map(({ first, again }) => ({
      path: again.path,
      expected: 'each zone once: put all servers of the zone into one list',
      other: first.path,
    })),
}

const resolversNamed: Rule = {
  code: 'site.resolvers-missing',
  needs: ['dns'],
  check: ({ dns, subnets }) =>
    subnets.flatMap((subnet, index): RuleViolation[] =>
      dns.serve || subnet.dns !== undefined || subnet.dhcp === 'proxy'
        ? []
        : [
            {
              path: ['subnets', index, 'dns'],
              message:
                'missing, expected the resolvers of the nodes: this server does not serve DNS (dns.serve: false)',
              other: ['dns', 'serve'],
            },
          ],
    ),
}

export const networkRules = [
  subnetSize,
  separateSubnets,
  gatewayInSubnet,
  validRoutes,
  hostAddresses,
  distinctPorts,
  forwardLoop,
  distinctForwardZones,
  resolversNamed,
]

/** Each transfer uses one port, and one client at most a quarter of them, so at least four clients can be served. */
const minTransferPorts = 16
/** Binding to a lower port needs a privilege. */
const firstUnprivileged = 1024

const oneTransferMode: Rule = {
  code: 'site.tftp-ports-ambiguous',
  needs: ['tftp'],
  check: ({ tftp }) =>
    tftp.singlePort && tftp.ports !== undefined
      ? [
          {
            path: ['tftp', 'singlePort'],
            expected: 'either singlePort or ports: transfers use the request port or the range',
            other: ['tftp', 'ports'],
          },
        ]
      : [],
}

const rangeSize: Rule = {
  code: 'site.tftp-port-range',
  needs: ['tftp'],
  check({ tftp: { ports } }): RuleViolation[] {
    if (ports === undefined) return []
    const { from, to } = ports
    if (from < firstUnprivileged) {
      return [{ path: ['tftp', 'ports', 'from'], expected: `${firstUnprivileged} or higher` }]
    }
    const min = from + minTransferPorts - 1
    if (to >= min) return []
    const expected = `${min} or higher: the range needs at least ${minTransferPorts} ports, one for each transfer`
    return [{ path: ['tftp', 'ports', 'to'], expected }]
  },
}

const freeTransferPorts: Rule = {
  code: 'site.tftp-port-conflict',
  needs: ['server', 'tftp'],
  check({ server, tftp: { ports } }): RuleViolation[] {
    if (ports === undefined) return []
    return (['dhcp', 'dhcpClient', 'tftp', 'dns'] as const)
      .filter((key) => server.ports[key] >= ports.from && server.ports[key] <= ports.to)
      .map((key) => ({
        path: ['tftp', 'ports'],
        got: `${ports.from} to ${ports.to}`,
        expected: `a range without port ${server.ports[key]}, which ${key} uses`,
        other: ['server', 'ports', key],
      }))
  },
}

export const transferPortRules = [oneTransferMode, rangeSize, freeTransferPorts]
