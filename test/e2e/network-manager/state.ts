/** The state of a network as `ip -json` prints it, in a few lines that can be compared. Pure. */

type Link = {
  readonly ifname: string
  readonly mtu: number
  readonly master?: string
  readonly link?: string
  readonly linkinfo?: {
    readonly info_kind?: string
    readonly info_data?: { readonly mode?: string; readonly id?: number; readonly miimon?: number }
  }
  readonly addr_info: readonly {
    readonly local: string
    readonly prefixlen: number
    readonly scope: string
  }[]
}

type Route = {
  readonly dst: string
  readonly gateway?: string
  readonly dev: string
  readonly protocol: string
}

/** Returns one line for each interface except loopback: `bond0.100: vlan 100 on bond0, 192.0.2.21/24`. */
export function linkLines(json: string): string[] {
  const links = (JSON.parse(json) as readonly Link[]).filter(({ ifname }) => ifname !== 'lo')
  return links
    .map(({ ifname, mtu, master, link, linkinfo, addr_info: addresses }) => {
      const { info_kind: kind = '', info_data: { mode, id } = {} } = linkinfo ?? {}
      const parts = [
        ...(kind === 'bond' ? [`bond ${mode}`] : []),
        ...(kind === 'vlan' ? [`vlan ${id} on ${link}`] : []),
        ...(kind === 'bridge' ? ['bridge'] : []),
        ...(master === undefined ? [] : [`port of ${master}`]),
        ...(mtu === 1500 ? [] : [`mtu ${mtu}`]),
        ...addresses
          .filter(({ scope }) => scope === 'global')
          .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
      ]
      return `${ifname}: ${parts.join(', ')}`.trimEnd()
    })
    .filter((line) => !line.endsWith(':'))
    .sort()
}

/** Returns the routes through a router. */
export function routeLines(json: string): string[] {
  return (JSON.parse(json) as readonly Route[])
    .filter(({ gateway }) => gateway !== undefined)
    .map(({ dst, gateway, dev }) => `${dst} via ${gateway} on ${dev}`)
    .sort()
}
