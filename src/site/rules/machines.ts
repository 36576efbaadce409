/** MAC and IP addresses of nodes and hosts: each its own, and where DHCP can give it. */
import { formatIp, isIpv4 } from '../../proto/address/ip.ts'
import { cidrContains, formatCidr, formatIpv4, isHostAddress } from '../../proto/address/ipv4.ts'
import { declaredNodes, machines, repetitions, reserved, writtenAddresses } from '../declared.ts'
import type { Violation, Rule } from '../violation.ts'

const macs: Rule = {
  needs: [],
  check: (site) =>
    repetitions(
      machines(site).filter(({ mac }) => mac !== undefined),
      ({ mac }) => mac,
    ).map(({ first, again }) => ({
      path: [...again.path, 'mac'],
      expected: `a MAC address of its own: ${first.name} has it too`,
      other: [...first.path, 'mac'],
    })),
}

const oneIpv4: Rule = {
  needs: [],
  check: (site) =>
    declaredNodes(site).flatMap(({ path, node }): Violation[] => {
      const ipv4s = node.address.filter(isIpv4)
      if (ipv4s.length === 1) return []
      const got = ipv4s.length === 0 ? 'no IPv4 address' : ipv4s.map(formatIpv4).join(' and ')
      return [{ path: [...path, 'address'], got, expected: 'exactly one IPv4 address, for DHCP to reserve' }]
    }),
}

const hostsWithMac: Rule = {
  needs: [],
  check: (site) =>
    machines(site)
      .filter((machine) => machine.kind === 'host' && machine.mac !== undefined)
      .filter((machine) => reserved(machine) === undefined)
      .map(({ path }) => ({
        path: [...path, 'address'],
        got: 'no IPv4 address',
        expected: 'one, for DHCP to reserve for the mac',
      })),
}

const reservedInSubnet: Rule = {
  needs: ['subnets'],
  check: (site) =>
    machines(site).flatMap((machine): Violation[] => {
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
          expected: `an address for a machine, not the ${which} address of ${formatCidr(subnet.cidr)}`,
        },
      ]
    }),
}

/** Hosts without a MAC are names only, and two names may share an address; nobody shares one that DHCP gives. */
const addresses: Rule = {
  needs: [],
  check(site) {
    const written = machines(site)
      .map((machine) => ({ machine, isGiven: machine.mac !== undefined }))
      // Those that DHCP gives come first, so that a name's repetition of one is what gets reported.
      .sort((a, b) => Number(b.isGiven) - Number(a.isGiven))
      .flatMap(({ machine, isGiven }) =>
        writtenAddresses([...machine.path, 'address'], machine.addresses).map(({ path, address }) => ({
          path,
          address,
          isGiven,
          machine,
        })),
      )
    return repetitions(written, ({ address }) => address)
      .filter(({ first, again }) => first.isGiven && (again.isGiven || first.machine.kind === 'node'))
      .map(({ first, again }) => ({
        path: again.path,
        got: formatIp(again.address),
        expected: `an address of its own: ${first.machine.name} has it too`,
        other: first.path,
      }))
  },
}

const apartFromServer: Rule = {
  needs: ['server'],
  check: (site) =>
    machines(site)
      .filter((machine) => machine.mac !== undefined && machine.addresses.includes(site.server.address))
      .map(({ path }) => ({
        path: [...path, 'address'],
        got: formatIpv4(site.server.address),
        expected: 'an address of its own: this machine serves from it',
        other: ['server', 'address'],
      })),
}

const apartFromGateways: Rule = {
  needs: [],
  check: (site) =>
    declaredNodes(site).flatMap(({ path, node }) =>
      site.subnets.flatMap(({ gateway }, index): Violation[] =>
        gateway === undefined || !node.address.includes(gateway)
          ? []
          : [
              {
                path: [...path, 'address'],
                got: formatIpv4(gateway),
                expected: "an address of its own: it is a subnet's gateway",
                other: ['subnets', index, 'gateway'],
              },
            ],
      ),
    ),
}

export const machineRules = [
  macs,
  oneIpv4,
  hostsWithMac,
  reservedInSubnet,
  addresses,
  apartFromServer,
  apartFromGateways,
]
