/** MAC and IP addresses of nodes and hosts: unique, and in a subnet where DHCP can reserve them. */
import {
  formatIp,
  isIpv4,
  cidrContains,
  formatCidr,
  formatIpv4,
  isHostAddress,
} from '../../proto/address/ip.ts'
import {
  declaredNodes,
  isBooted,
  machines,
  repetitions,
  reserved,
  declaredAddresses,
  type Machine,
} from '../declared.ts'
import type { RuleViolation, Rule } from '../problem.ts'
import { isInSubnet6 } from './networks6.ts'

const uniqueMacs: Rule = {
  code: 'site.mac-taken',
  needs: [],
  check: (site) =>
    repetitions(
      machines(site).flatMap(({ name, path, macs }) =>
        macs.map((mac) => ({ name, path, mac, isListed: macs.length > 1 })),
      ),
      ({ mac }) => mac,
    ).map(({ first, again }) => ({
      path: [...again.path, 'mac'],
      ...(again.isListed && { got: again.mac }),
      expected:
        first.path === again.path
          ? 'each MAC address once'
          : `a unique MAC address: ${first.name} has the same one`,
      other: [...first.path, 'mac'],
    })),
}

const oneIpv4: Rule = {
  code: 'site.node-ipv4-count',
  needs: ['subnets6'],
  check: (site) =>
    declaredNodes(site).flatMap(({ path, cluster, node }): RuleViolation[] => {
      if (!isBooted(cluster, node)) return []
      const ipv4s = node.address.filter(isIpv4)
      if (ipv4s.length === 1) return []
      if (ipv4s.length === 0 && node.address.some((address) => isInSubnet6(site, address))) return []
      const got = ipv4s.length === 0 ? 'no IPv4 address' : ipv4s.map(formatIpv4).join(' and ')
      const expected =
        ipv4s.length === 0 && site.subnets6.length > 0
          ? 'one IPv4 address, or an address in a network of subnets6, which DHCP reserves'
          : 'exactly one IPv4 address, which DHCP reserves'
      return [{ path: [...path, 'address'], got, expected }]
    }),
}

const hostsWithMac: Rule = {
  code: 'site.host-without-ipv4',
  needs: [],
  check: (site) =>
    machines(site)
      .filter((machine) => machine.kind === 'host' && machine.macs.length > 0)
      .filter((machine) => reserved(machine) === undefined)
      .map(({ path }) => ({
        path: [...path, 'address'],
        got: 'no IPv4 address',
        expected: 'one that DHCP can reserve for mac',
      })),
}

const reservedInSubnet: Rule = {
  code: 'site.address-outside-subnets',
  needs: ['subnets'],
  check: (site) =>
    machines(site).flatMap((machine): RuleViolation[] => {
      const address = reserved(machine)
      if (address === undefined) return []
      const path = [...machine.path, 'address']
      const got = formatIpv4(address)
      const subnet = site.subnets.find(({ cidr }) => cidrContains(cidr, address))
      if (subnet === undefined) {
        const known = site.subnets.map(({ cidr }) => formatCidr(cidr)).join(', ')
        return [{ path, got, expected: `an address in one of the subnets (${known})` }]
      }
      if (isHostAddress(subnet.cidr, address)) return []
      const which = address === subnet.cidr.network ? 'network' : 'broadcast'
      return [
        {
          path,
          got,
          expected: `a host address, not the ${which} address of ${formatCidr(subnet.cidr)}`,
        },
      ]
    }),
}

/** Hosts without a MAC address are only names, and two names may share an address. */
function isUnique({ kind, macs }: Machine): boolean {
  return kind === 'node' || macs.length > 0
}

/** The address of a node, and one that DHCP reserves, is unique. */
const uniqueAddresses: Rule = {
  code: 'site.address-taken',
  needs: [],
  check(site) {
    const written = machines(site)
      .map((machine) => ({ machine, isReserved: isUnique(machine) }))
      // Reserved addresses come first, so that the error is reported at the entry without a reservation.
      .sort((a, b) => Number(b.isReserved) - Number(a.isReserved))
      .flatMap(({ machine, isReserved }) =>
        declaredAddresses([...machine.path, 'address'], machine.addresses).map(({ path, address }) => ({
          path,
          address,
          isReserved,
          machine,
        })),
      )
    return repetitions(written, ({ address }) => address)
      .filter(({ first, again }) => first.isReserved && (again.isReserved || first.machine.kind === 'node'))
      .map(({ first, again }) => ({
        path: again.path,
        got: formatIp(again.address),
        expected: `a unique address: ${first.machine.name} has the same one`,
        other: first.path,
      }))
  },
}

const uniqueDuids: Rule = {
  code: 'site.duid-taken',
  needs: [],
  check: (site) =>
    repetitions(
      declaredNodes(site).flatMap(({ path, node, fqdn }) =>
        (node.duid ?? []).map((duid) => ({ path: [...path, 'duid'], duid, fqdn })),
      ),
      ({ duid }) => duid,
    ).map(({ first, again }) => ({
      path: again.path,
      got: again.duid,
      expected:
        first.fqdn === again.fqdn ? 'each DUID once' : `a unique DUID: ${first.fqdn} has the same one`,
      other: first.path,
    })),
}

const notTheServer: Rule = {
  code: 'site.address-is-server',
  needs: ['server'],
  check: (site) =>
    machines(site)
      .filter(isUnique)
      .flatMap(({ path, addresses }) =>
        (['address', 'address6'] as const).flatMap((key) => {
          const own = site.server[key]
          return own !== undefined && addresses.includes(own) ? [{ path, own, key }] : []
        }),
      )
      .map(({ path, own, key }) => ({
        path: [...path, 'address'],
        got: formatIp(own),
        expected: "another address: this one is this server's",
        other: ['server', key],
      })),
}

const notAGateway: Rule = {
  code: 'site.address-is-gateway',
  needs: [],
  check: (site) =>
    declaredNodes(site).flatMap(({ path, node }) =>
      site.subnets.flatMap(({ gateway }, index): RuleViolation[] =>
        gateway === undefined || !node.address.includes(gateway)
          ? []
          : [
              {
                path: [...path, 'address'],
                got: formatIpv4(gateway),
                expected: 'another address: this one is the gateway of a subnet',
                other: ['subnets', index, 'gateway'],
              },
            ],
      ),
    ),
}

/** Without a shared store, two installers would reinstall the nodes that the other one installed. */
const oneInstaller: Rule = {
  code: 'site.installer-missing',
  needs: ['server', 'store'],
  check({ server, store }): RuleViolation[] {
    if (store !== undefined) return []
    const { address, peers, installer } = server
    const all = [address, ...peers.filter((peer) => peer !== address)]
    if (installer === undefined ? all.length === 1 : all.includes(installer)) return []
    const choices = all.map(formatIpv4).join(' or ')
    return [
      installer === undefined
        ? {
            path: ['server', 'peers'],
            at: 'key',
            message: `with peers, exactly one server installs nodes: set server.installer to ${choices}, the same in all site files, or add a shared store`,
          }
        : {
            path: ['server', 'installer'],
            expected: `server.address or an address in server.peers: ${choices}`,
          },
    ]
  },
}

const sharedInstaller: Rule = {
  code: 'site.installer-with-store',
  needs: ['server', 'store'],
  check: ({ server, store }) =>
    store === undefined || server.installer === undefined
      ? []
      : [
          {
            path: ['server', 'installer'],
            at: 'key',
            message: 'with a shared store, every server installs nodes: remove installer or store',
            other: ['store'],
          },
        ],
}

const wholeCertificate: Rule = {
  code: 'site.store-certificate-incomplete',
  needs: ['store'],
  check({ store }): RuleViolation[] {
    const { cert, key } = store?.etcd ?? {}
    if ((cert === undefined) === (key === undefined)) return []
    const message = 'expected both cert and key, or neither of them'
    return [{ path: ['store', 'etcd', cert === undefined ? 'key' : 'cert'], at: 'key', message }]
  },
}

export const machineRules = [
  sharedInstaller,
  wholeCertificate,
  uniqueMacs,
  uniqueDuids,
  oneIpv4,
  hostsWithMac,
  reservedInSubnet,
  uniqueAddresses,
  notTheServer,
  notAGateway,
  oneInstaller,
]
