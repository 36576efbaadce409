/** Model in, DHCP plan out: every declared MAC, all values encoded, all names decided. */
import { formatIpv4 } from '../../proto/address/ipv4.ts'
import type { ExtraOption } from '../../site/dhcp-option.ts'
import type { Finding } from '../findings.ts'
import { reservedAddress, subnetOf, type Model, type NodeModel } from '../model.ts'
import type { LoaderName } from '../facts.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'
import { nodeBoot, type BootFiles } from './boot-table.ts'
import { dhcpFindings, type Machine } from './findings.ts'
import { fallbackFile, httpFile, leaseTime, machineOptions, pxeFile, tftpFile, urlFile } from './options.ts'
import type { DhcpPlan, PreparedOption, Proxied, Reservation } from './plan.ts'

/** IANA calls it altserviceboot; firmware asks no other. */
const proxyPort = 4011

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
  const proxied = ({ name, subnet, boot }: Machine): Proxied => ({ name, network: subnet.cidr, boot })
  const isProxied = ({ dhcp }: Machine['subnet']): boolean => dhcp === 'proxy'
  const proxiedNetworks = site.subnets.filter(isProxied).map((subnet) => subnet.cidr)
  return {
    plan: {
      server: endpoint.address,
      peers: site.server.peers,
      serverPort: endpoint.ports.dhcp,
      clientPort: endpoint.ports.dhcpClient,
      proxyPort: proxiedNetworks.length === 0 ? undefined : proxyPort,
      networks: site.subnets.map((subnet) => subnet.cidr),
      proxiedNetworks,
      reservationByMac: new Map(
        machines
          .filter(({ subnet }) => !isProxied(subnet))
          .map((machine) => [machine.mac, reservation(machine)]),
      ),
      proxiedByMac: new Map(
        machines.filter(({ subnet }) => isProxied(subnet)).map((machine) => [machine.mac, proxied(machine)]),
      ),
    },
    findings: dhcpFindings(site, machines),
  }
}

/** Nodes, and the hosts whose MAC and IPv4 address are declared, in the order of the site file. */
function machinesOf(model: Model): Machine[] {
  const { site, endpoint, nodes } = model
  const filesOf = bootFiles(model)
  const booted = nodes.map((node): Machine => {
    const { key, name, fqdn, mac, address, subnet, dhcpOptions } = node
    const domain = subnet.domain ?? fqdn.slice(name.length + 1)
    const boot = nodeBoot(node, endpoint, filesOf(node))
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

/**
 * What replies with a boot file call themselves. Beside another DHCP server they have to be PXE's, or clients do not
 * put them together with its lease: BIOS firmware and iPXE take the file that is named there, UEFI firmware asks again.
 */
function bootFiles({ endpoint }: Model): (node: NodeModel) => BootFiles {
  const tftp = once((name: LoaderName) => tftpFile(name, formatIpv4(endpoint.address)))
  const pxe = once((name: LoaderName) => pxeFile(tftp(name)))
  const askedAgain = once((name: LoaderName) => fallbackFile(tftp(name)))
  const http = once((name: LoaderName) => httpFile(absoluteUrl(endpoint, urlPaths.loader(name))))
  return ({ subnet, pxeOptions }) => {
    if (subnet.dhcp === 'full') {
      return { PXEClient: pxeOptions ? pxe : tftp, HTTPClient: http, script: urlFile }
    }
    return {
      PXEClient: (name) => (pxeOptions || name === 'bios/undionly.kpxe' ? pxe : askedAgain)(name),
      HTTPClient: http,
      script: (url) => pxeFile(urlFile(url)),
    }
  }
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
