/** Compiles the plan of DHCP: every declared MAC address with all option values encoded. */
import { formatIpv4 } from '../../proto/address/ipv4.ts'
import type { ExtraOption } from '../../site/dhcp-option.ts'
import type { PlanFinding } from '../findings.ts'
import { reservedAddress, subnetOf, type Model, type NodeModel } from '../model.ts'
import type { LoaderName } from '../facts.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'
import { lazy } from '../lazy.ts'
import { nodeBoot, type BootFiles } from './boot-table.ts'
import { dhcpFindings, type Machine } from './findings.ts'
import { fallbackFile, httpFile, leaseTime, machineOptions, pxeFile, tftpFile, urlFile } from './options.ts'
import type { DhcpPlan, PreparedOption, Proxied, Reservation } from './plan.ts'

/** Registered by IANA as altserviceboot; firmware uses no other. */
const proxyPort = 4011

export function compileDhcp(model: Model): { plan: DhcpPlan; findings: readonly PlanFinding[] } {
  const { site, endpoint } = model
  const machines = machinesOf(model)
  const reservation = (machine: Machine): Reservation => {
    const { name, fqdn, domain, address, subnet, boot, dhcpOptions } = machine
    // Encoded at the first request of the machine.
    const options = lazy(
      () =>
        new Map([
          ...machineOptions(subnet, subnet.dns ?? [endpoint.address], { hostName: fqdn, domain }),
          ...dhcpOptions.map(({ code, value }): [number, PreparedOption] => [code, { code, value }]),
        ]),
    )
    return {
      name,
      address,
      network: subnet.cidr,
      leaseTime: leaseTimeOf(subnet),
      get options() {
        return options()
      },
      unasked: unaskedCodes(dhcpOptions),
      get boot() {
        return boot?.()
      },
    }
  }
  const leaseTimeOf = once(leaseTime)
  const proxied = ({ name, subnet, boot }: Machine): Proxied => ({
    name,
    network: subnet.cidr,
    get boot() {
      return boot?.()
    },
  })
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
      relays: site.subnets.map((subnet) => ({ network: subnet.cidr, agents: subnet.relays })),
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

/** Returns the nodes, and the hosts with a MAC and an IPv4 address, in the order of the site file. */
function machinesOf(model: Model): Machine[] {
  const { site, endpoint, nodes } = model
  const filesOf = bootFiles(model)
  const booted = nodes.map((node): Machine => {
    const { key, name, fqdn, mac, address, subnet, dhcpOptions } = node
    const domain = subnet.domain ?? fqdn.slice(name.length + 1)
    const boot = lazy(() => nodeBoot(node, endpoint, filesOf(node)))
    return { name: key, fqdn, domain, mac, address, subnet, boot, dhcpOptions }
  })
  const others = site.hosts.flatMap((host): Machine[] => {
    const { name, mac } = host
    const address = reservedAddress(host)
    const subnet = address === undefined ? undefined : subnetOf(site, address)
    if (mac === undefined || address === undefined || subnet === undefined) return []
    const domain = subnet.domain ?? name.split('.').slice(1).join('.')
    const dhcpOptions = [site, subnet, host].flatMap((owner) => owner.dhcpOptions)
    return [{ name, fqdn: name, domain, mac, address, subnet, boot: undefined, dhcpOptions }]
  })
  return [...booted, ...others]
}

/**
 * Returns how boot files are described in replies. Beside another DHCP server, replies must be PXE replies, or clients do
 * not combine them with its lease: BIOS firmware and iPXE use the file in the reply, UEFI firmware sends a second request.
 */
function bootFiles({ endpoint }: Model): (node: NodeModel) => BootFiles {
  const tftp = once((name: LoaderName) => tftpFile(name, formatIpv4(endpoint.address)))
  const pxe = once((name: LoaderName) => pxeFile(tftp(name)))
  const fallback = once((name: LoaderName) => fallbackFile(tftp(name)))
  const http = once((name: LoaderName) => httpFile(absoluteUrl(endpoint, urlPaths.loader(name))))
  return ({ subnet, pxeOptions }) => {
    if (subnet.dhcp === 'full') {
      return { PXEClient: pxeOptions ? pxe : tftp, HTTPClient: http, script: urlFile }
    }
    return {
      PXEClient: (name) => (pxeOptions || name === 'bios/undionly.kpxe' ? pxe : fallback)(name),
      HTTPClient: http,
      script: (url) => pxeFile(urlFile(url)),
    }
  }
}

/** Returns the codes of options that are sent even if not requested; the last option of a code decides. */
function unaskedCodes(options: readonly ExtraOption[]): number[] {
  const last = new Map(options.map((option) => [option.code, option]))
  return [...last.values()].filter(({ always }) => always).map(({ code }) => code)
}

/** Caches the results of a function, because many nodes share the options of a loader. */
function once<Key, Value>(create: (key: Key) => Value): (key: Key) => Value {
  const created = new Map<Key, Value>()
  return (key) => {
    const value = created.get(key) ?? create(key)
    created.set(key, value)
    return value
  }
}
