/** A boot over IPv6: DHCPv6 of the firmware, its loader, and DHCPv6 again as iPXE and as the live system. */
import { randomInt } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import type { InterfaceAddresses } from '../host/attached-networks.ts'
import type { Clock } from '../host/clock.ts'
import type { Sockets } from '../host/udp.ts'
import { serverDuid6 } from '../plan/dhcpv6/compile.ts'
import type { Model, NodeModel, Reservation6 } from '../plan/model.ts'
import { absoluteUrl, urlPaths } from '../plan/urls.ts'
import { formatCidr6 } from '../proto/address/network6.ts'
import { clientPort, serverPort, type ClientMessage } from '../proto/dhcpv6/message.ts'
import { bootsOverHttp } from './dhcp-profiles.ts'
import { linkOf, openDhcpv6Clients } from './dhcpv6-client.ts'
import { firmwareProfile6, ipxeProfile6, systemProfile6, type Dhcpv6Profile } from './dhcpv6-profiles.ts'
import { bootFileUrlOf, checkHttpReply6, checkLease6 } from './dhcpv6-reply.ts'
import {
  fetchByHttp,
  fetchByTftp,
  loaderOf,
  wrongBootFile,
  type Ipv6Network,
  type Machine,
} from './machine.ts'

/**
 * @returns nothing if no node boots over IPv6
 * @throws {CannotListen} when the DHCPv6 client port is not available
 */
export async function openIpv6Network(
  model: Model,
  nodes: readonly NodeModel[],
  options: {
    readonly sockets: Sockets
    readonly clock: Clock
    readonly interfaces?: () => InterfaceAddresses
  },
): Promise<Ipv6Network | undefined> {
  const { sockets, clock, interfaces = networkInterfaces } = options
  const { address6, ports } = model.endpoint
  const own = interfaces()
  const linkOfNode = ({ reservation6 }: NodeModel) => reservation6 && linkOf(own, reservation6.subnet.cidr)
  const booted = nodes.filter(({ bootsOverIpv6 }) => bootsOverIpv6 === true)
  if (address6 === undefined || booted.length === 0) return undefined
  const links = new Map(booted.flatMap((node) => linkOfNode(node) ?? []).map((link) => [link.name, link]))
  const dhcp = await openDhcpv6Clients({
    ...{ sockets, clock },
    links: [...links.values()],
    server: {
      duid: serverDuid6(address6),
      port: ports.dhcp6 ?? serverPort,
      clientPort: ports.dhcp6Client ?? clientPort,
    },
    randomId: () => randomInt(2 ** 24),
  })
  const server = { address: address6, port: ports.tftp }
  const tftp = (source: string) => ({ sockets, clock, source, server })
  return { dhcp, tftp, linkOf: linkOfNode }
}

/** Simulates the boot from power-on until the loader requests its first script. */
export async function startLoader6(machine: Machine, script: string): Promise<void> {
  const { node, firmware, syntax, context } = machine
  if (firmware === 'ppc64le') return
  const isHttp = bootsOverHttp(firmware)
  const check = isHttp ? checkHttpReply6 : () => undefined
  const loader = loaderOf(node, firmware)
  const wanted = isHttp
    ? absoluteUrl(context.model.endpoint, urlPaths.loader(loader), node)
    : `tftp://[${context.model.endpoint.address6}]/${loader}`
  const source = await askBootFile(machine, 'DHCP firmware', firmwareProfile6(firmware), {
    ...{ wanted, check },
    shown: isHttp ? "its loader's URL" : loader,
  })
  if (source === undefined) return
  if (isHttp) await fetchByHttp(machine, wanted, loader)
  else await fetchByTftp(machine, loader, context.ipv6?.tftp(source))
  // Only iPXE requests an address.
  if (syntax === 'ipxe') {
    const expected = { wanted: script, shown: "the script's URL", check: () => undefined }
    await askBootFile(machine, 'DHCP iPXE', ipxeProfile6(firmware), expected)
  }
}

/** The live system has `ip=dhcp6`. */
export async function askSystemDhcp6(machine: Machine): Promise<void> {
  const { node, context, timeline } = machine
  const link = context.ipv6?.linkOf(node)
  if (context.ipv6 === undefined || link === undefined) return
  const { dhcp } = context.ipv6
  await timeline.step('DHCP system', async () => {
    const { reply, octets } = await dhcp.exchange(systemProfile6, node, link)
    checkLease6(reply, node, context.model, systemProfile6)
    return { value: undefined, octets, text: node.fqdn }
  })
}

type ExpectedFile = {
  /** The URL of the boot file. */
  readonly wanted: string
  /** Its text in the timeline. */
  readonly shown: string
  /** The other checks of the client. */
  readonly check: (message: ClientMessage) => void
}

/** @returns the address of this machine on the network of the node; nothing without one, where it can only request the files */
function askBootFile(
  { node, context, timeline }: Machine,
  step: string,
  profile: Dhcpv6Profile,
  { wanted, shown, check }: ExpectedFile,
): Promise<string | undefined> {
  const { address, subnet } = node.reservation6 as Reservation6
  return timeline.step(step, async () => {
    const link = context.ipv6?.linkOf(node)
    if (context.ipv6 === undefined || link === undefined) {
      const text = `skipped, with its loader: no interface of this machine is on ${formatCidr6(subnet.cidr)}`
      return { value: undefined, octets: 0, text }
    }
    const { advertise, reply, octets } = await context.ipv6.dhcp.exchange(profile, node, link)
    for (const message of [advertise, reply]) {
      checkLease6(message, node, context.model, profile)
      check(message)
      const url = bootFileUrlOf(message)
      if (url !== wanted) throw wrongBootFile(wanted, url, node)
    }
    return { value: link.source, octets, text: `${address}, ${shown}` }
  })
}
