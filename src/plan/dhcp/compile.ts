/** Model in, DHCP plan out: one reservation per declared MAC, all values encoded, all names decided. */
import { formatIpv4 } from '../../proto/address/ipv4.ts'
import type { ExtraOption } from '../../site/dhcp-option.ts'
import type { Finding } from '../findings.ts'
import { reservedAddress, subnetOf, type Model } from '../model.ts'
import type { LoaderName } from '../facts.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'
import { nodeBoot } from './boot-table.ts'
import { dhcpFindings, type Machine } from './findings.ts'
import { httpFile, leaseTime, machineOptions, pxeFile, tftpFile } from './options.ts'
import type { DhcpPlan, PreparedOption, Reservation } from './plan.ts'

/** @returns a plan for every declared MAC, and what an operator should know about leases and names */
export function compileDhcp(model: Model): { plan: DhcpPlan; findings: readonly Finding[] } {
  const { site, endpoint } = model
  const machines = machinesOf(model)
  const reservation = (machine: Machine): Reservation => {
    const { name, fqdn, domain, address, subnet, boot, dhcpOptions } = machine
    return {
      name,
      address,
      network: subnet.cidr,
      leaseTime: leaseTime(subnet),
      options: new Map([
        ...machineOptions(subnet, subnet.dns ?? [endpoint.address], { hostName: fqdn, domain }),
        ...dhcpOptions.map(({ code, value }): [number, PreparedOption] => [code, { code, value }]),
      ]),
      unasked: unaskedCodes(dhcpOptions),
      boot,
    }
  }
  return {
    plan: {
      server: endpoint.address,
      peers: site.server.peers,
      serverPort: endpoint.ports.dhcp,
      clientPort: endpoint.ports.dhcpClient,
      networks: site.subnets.map((subnet) => subnet.cidr),
      reservationByMac: new Map(machines.map((machine) => [machine.mac, reservation(machine)])),
    },
    findings: dhcpFindings(site, machines),
  }
}

/** Nodes, and the hosts whose MAC and IPv4 address are declared, in the order of the site file. */
function machinesOf({ site, endpoint, nodes }: Model): Machine[] {
  const tftp = once((name: LoaderName) => tftpFile(name, formatIpv4(endpoint.address)))
  const pxe = once((name: LoaderName) => pxeFile(tftp(name)))
  const http = once((name: LoaderName) => httpFile(absoluteUrl(endpoint, urlPaths.loader(name))))
  const booted = nodes.map((node): Machine => {
    const { key, name, fqdn, mac, address, subnet, dhcpOptions } = node
    const domain = subnet.domain ?? fqdn.slice(name.length + 1)
    const files = { PXEClient: node.pxeOptions ? pxe : tftp, HTTPClient: http }
    const boot = nodeBoot(node, endpoint, files)
    return { name: key, fqdn, domain, mac, address, subnet, boot, dhcpOptions }
  })
  const others = site.hosts.flatMap((host): Machine[] => {
    const { name, mac } = host
    const address = reservedAddress(host)
    const subnet = address === undefined ? undefined : subnetOf(site, address)
    if (mac === undefined || address === undefined || subnet === undefined) return []
    const domain = subnet.domain ?? name.split('.').slice(1).join('.')
    const dhcpOptions = [site, subnet, host].flatMap((place) => place.dhcpOptions)
    return [{ name, fqdn: name, domain, mac, address, subnet, boot: undefined, dhcpOptions }]
  })
  return [...booted, ...others]
}

/** Codes of the options that are sent asked for or not; a narrower place may take that back. */
function unaskedCodes(options: readonly ExtraOption[]): number[] {
  const last = new Map(options.map((option) => [option.code, option]))
  return [...last.values()].filter(({ always }) => always).map(({ code }) => code)
}

/** Makes each value once, however often it is asked for: a thousand nodes share a loader's options. */
function once<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new Map<Key, Value>()
  return (key) => {
    const value = made.get(key) ?? make(key)
    made.set(key, value)
    return value
  }
}
