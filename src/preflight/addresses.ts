/**
 * The reserved addresses on the networks of this machine: whether another machine uses one. A node that boots does not notice,
 * because firmware and iPXE do not probe an address before they use it (RFC 2131 §4.4.1).
 */
import { isIpv4Node, macsText, reservedAddress, type Model } from '../plan/model.ts'
import { cidrContains, formatIpv4, parseLooseCidr, type Ipv4 } from '../proto/address/ip.ts'
import { ok, warning, type Check, type CheckContext } from './check.ts'

type Machine = {
  readonly name: string
  readonly address: Ipv4
  readonly mac: string
  readonly otherMacs: readonly string[]
}

/** The neighbor table of the kernel has space for 1,024 entries by default. */
const maxAddresses = 1000

export const addressesCheck: Check = {
  name: 'addresses',
  async run(context) {
    const machines = attachedMachines(context)
    if (machines.length === 0) return []
    const asked = machines.slice(0, maxAddresses)
    const neighbors = await context.probes.neighbors(asked.map(({ address }) => formatIpv4(address)))
    const conflicts = asked.flatMap((machine) => {
      const address = formatIpv4(machine.address)
      const mac = neighbors.get(address)
      if (mac === undefined || mac === machine.mac || machine.otherMacs.includes(mac)) return []
      const text = `${mac} uses ${address}, the address of ${machine.name} (${macsText(machine)})`
      return [warning('preflight.address-in-use', text)]
    })
    if (conflicts.length > 0) return conflicts
    const rest = machines.length - asked.length
    return [
      ok(`no other machine uses a reserved address${rest === 0 ? '' : ` (${rest} addresses not checked)`}`),
    ]
  },
}

/** Machines behind a relay agent are not neighbors. */
function attachedMachines({ model, probes }: CheckContext): Machine[] {
  const networks = Object.values(probes.interfaces()).flatMap((each = []) =>
    each.flatMap(({ internal, cidr }) => (internal ? [] : (parseLooseCidr(cidr ?? '') ?? []))),
  )
  return machinesOf(model).filter(({ address }) => networks.some((network) => cidrContains(network, address)))
}

function machinesOf({ nodes, site }: Model): Machine[] {
  const hosts = site.hosts.flatMap((host): Machine[] => {
    const address = reservedAddress(host)
    const [mac, ...otherMacs] = host.mac ?? []
    return address === undefined || mac === undefined ? [] : [{ name: host.name, address, mac, otherMacs }]
  })
  const booted = nodes
    .filter(isIpv4Node)
    .map(({ key: name, address, mac, otherMacs = [] }) => ({ name, address, mac, otherMacs }))
  return [...booted, ...hosts]
}
