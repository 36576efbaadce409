/** The kinds of files that can be imported: their readers, and how to recognize them. Pure. */
import { readZone } from './bind.ts'
import { readDhcpd } from './dhcpd.ts'
import { readDnsmasq } from './dnsmasq.ts'
import { noFacts, type Facts } from './facts.ts'
import { readHaproxy } from './haproxy.ts'
import { readHelpernode } from './helpernode.ts'
import { readInstaller } from './installer.ts'
import { readMaas, readNetbox } from './inventory.ts'
import { readKea } from './kea.ts'
import { readLibvirt } from './libvirt.ts'

type Kind = {
  /** What the kind is, for help. */
  readonly about: string
  readonly read: (text: string, file: string) => Facts
  /** Recognizes a file of this kind. */
  readonly sign: RegExp
}

/** In the order in which they are tried. */
export const kinds = {
  libvirt: {
    about: 'XML of libvirt networks and domains (virsh net-dumpxml, dumpxml)',
    read: readLibvirt,
    sign: /^\s*(?:<\?xml[^>]*>\s*|<!--[\s\S]*?-->\s*)*<(?:network|domain)s?[\s>]/,
  },
  kea: { about: 'JSON configuration of Kea (kea-dhcp4.conf)', read: readKea, sign: /"Dhcp4"\s*:/ },
  maas: {
    about: 'output of "maas admin machines read"',
    read: readMaas,
    sign: /"(?:interface_set|system_id)"\s*:/,
  },
  netbox: {
    about: 'JSON of the NetBox API: interfaces, IP addresses, prefixes',
    read: readNetbox,
    sign: /"(?:assigned_object|mac_address|prefix|dns_name)"\s*:/,
  },
  installer: {
    about: 'install-config.yaml, agent-config.yaml, BareMetalHost manifests',
    read: readInstaller,
    sign: /^baseDomain:|^kind:\s*["']?(?:AgentConfig|BareMetalHost|List)\b/m,
  },
  helpernode: { about: 'vars.yaml of the OCP4 helper node', read: readHelpernode, sign: /^helper:/m },
  dhcpd: {
    about: 'configuration of the ISC DHCP server (dhcpd.conf)',
    read: readDhcpd,
    sign: /^\s*(?:subnet\s+[\d.]+\s+netmask|host\s+\S+\s*\{)/m,
  },
  zone: { about: 'a DNS zone as a master file, for example of BIND', read: readZone, sign: /\sSOA\s/ },
  haproxy: {
    about: 'configuration of HAProxy (haproxy.cfg)',
    read: readHaproxy,
    sign: /^\s*(?:frontend|listen|backend)\s+\S/m,
  },
  dnsmasq: { about: 'configuration of dnsmasq', read: readDnsmasq, sign: /^\s*[a-z][a-z-]+(?:=.*)?\s*$/m },
} as const satisfies Readonly<Record<string, Kind>>

export type KindName = keyof typeof kinds

export function isKind(name: string): name is KindName {
  return Object.hasOwn(kinds, name)
}

/** Returns undefined for a file of no known kind. */
export function detectKind(text: string): KindName | undefined {
  return Object.entries(kinds).find(([, { sign }]) => sign.test(text))?.[0] as KindName | undefined
}

/** Joins the facts of several files, in their order. */
export function joinFacts(all: readonly Facts[]): Facts {
  const joined = noFacts()
  for (const facts of all) {
    joined.server = { ...facts.server, ...joined.server }
    joined.subnets.push(...facts.subnets)
    joined.clusters.push(...facts.clusters)
    joined.machines.push(...facts.machines)
    joined.names.push(...facts.names)
    joined.records.push(...facts.records)
    joined.forward.push(...facts.forward)
    joined.forwardZones.push(...facts.forwardZones)
    joined.zones.push(...facts.zones)
    joined.notes.push(...facts.notes)
    if (facts.domain !== undefined) joined.domain ??= facts.domain
    if (facts.bmc !== undefined) joined.bmc ??= facts.bmc
    if (facts.hasHaproxy === true) joined.hasHaproxy = true
  }
  return joined
}
