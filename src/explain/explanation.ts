/** Everything that the services send to one node, as data from the plan. Pure. */
import { localZones, reverseName } from '../plan/dns/names.ts'
import { formatEndpoint, serviceFrontends, servicePorts } from '../plan/haproxy/plan.ts'
import type { IgnitionContents } from '../plan/ignition/document.ts'
import { scriptName } from '../plan/boot/console.ts'
import { shownDisk } from '../plan/disks/target.ts'
import { ignitionFact, imageFacts, readsIgnition } from '../plan/boot/installation.ts'
import {
  bootSource,
  isBootedMember,
  networkText,
  type MemberModel,
  type Model,
  type NodeModel,
} from '../plan/model.ts'
import type { Plan } from '../plan/compile.ts'
import { ignitionUrlOf } from '../plan/tls.ts'
import { absoluteUrl, tokenPlaceholder, urlPaths } from '../plan/urls.ts'
import { defined } from '../text/defined.ts'
import { formatIp, formatIpv4, type Ipv4 } from '../proto/address/ip.ts'
import { rdataText } from '../plan/dns/zone.ts'
import type { DhcpPlan } from '../plan/dhcp/plan.ts'
import { macOctets, type Mac } from '../proto/address/mac.ts'
import { decodeMessage, encodeMessage, type DhcpMessage } from '../proto/dhcp/message.ts'
import { MessageType, OptionCode, optionRowByCode } from '../proto/dhcp/option-table.ts'
import type { DhcpOption } from '../proto/dhcp/option.ts'
import { addressesOf, secondsOf } from '../proto/dhcp/values/number.ts'
import { readSubOptions } from '../proto/dhcp/values/sub-options.ts'
import { latin1, textOf } from '../proto/dhcp/values/text.ts'
import { maxReplyOctets } from '../serve/dhcp/reply.ts'
import { respond } from '../serve/dhcp/respond.ts'
import { firmwareProfile, ipxeProfile, type DhcpProfile } from '../simulate/dhcp-profiles.ts'

export type Explanation = {
  readonly node: string
  readonly role: string
  readonly name: string
  /** Absent for a node that slipway does not boot, like `network`, `image`, and `script`. */
  readonly mac?: string
  /** Its other MAC addresses, if it has several. All get the same offers. */
  readonly otherMacs?: readonly string[]
  readonly address: string
  readonly addresses: readonly string[]
  readonly network?: string
  readonly boot: string
  readonly image?: string
  /** Absent where the system that boots chooses the disk. */
  readonly disk?: string
  /** What chooses the disk: the agent in the image, or the installer that the script of the node starts. */
  readonly diskChooser?: 'agent' | 'installer'
  readonly offers: readonly (Offer & { readonly loader?: Loader })[]
  readonly script?: { readonly url: string; readonly leadsTo: string; readonly body: string }
  /** Absent where the initramfs of the image contains it. */
  readonly ignition?: {
    readonly url: string
    readonly file: string
    readonly octets?: number
    readonly contents?: IgnitionContents
    /** Whether slipway requests it from the cluster when the node installs. */
    readonly isAsked?: true
    readonly problem?: string
    /** Files that the site adds to the node. */
    readonly added: readonly { readonly path: string; readonly mode: string; readonly from?: string }[]
  }
  /** Forward names of the node, then reverse names of its addresses. */
  readonly dns: { readonly forward: readonly Answer[]; readonly reverse: readonly Answer[] }
  readonly haproxy: readonly ExplainedBackend[]
}

/** The file on this machine for a boot file, or why there is none. */
type Loader = { readonly path: string } | { readonly problem: string }
/** Names end in a dot, as in a master file. */
export type Answer = { readonly owner: string; readonly type: string; readonly data: string }
export type ExplainedBackend = {
  readonly service: string
  /** The addresses that clients connect to. */
  readonly addresses: readonly string[]
  readonly server: string
  /** A backup: HAProxy uses it only while no other server is up. */
  readonly isBackup: boolean
  /** Disabled by the site (`balance: false`). */
  readonly isOut: boolean
}

export function explanationOf(model: Model, plan: Plan, member: MemberModel): Explanation {
  return isBootedMember(member)
    ? bootExplanation(model, plan, member)
    : memberExplanation(model, plan, member)
}

/** Returns the names and the backends of a node that slipway does not boot. */
function memberExplanation(model: Model, plan: Plan, member: MemberModel): Explanation {
  return {
    node: member.key,
    role: member.role,
    name: member.fqdn,
    address: formatIp(member.address),
    addresses: member.addresses.map(formatIp),
    boot: 'none',
    offers: [],
    dns: records(plan, member),
    haproxy: backendsOf(model, member),
  }
}

function bootExplanation(model: Model, plan: Plan, node: NodeModel): Explanation {
  const scriptPath = urlPaths.bootScript(node)
  const { style } = imageFacts(model, bootSource(node))
  const chooser = style === 'agent' ? style : style === 'script' ? ('installer' as const) : undefined
  const script = plan.http.scripts.get(scriptPath)
  return {
    node: node.key,
    role: node.role,
    name: node.fqdn,
    mac: node.mac,
    ...defined({ otherMacs: node.otherMacs }),
    address: formatIp(node.address),
    addresses: node.addresses.map(formatIp),
    network: networkText(node),
    boot: node.boot,
    image: scriptName(bootSource(node)),
    ...defined({ disk: chooser === undefined ? shownDisk(node) : undefined, diskChooser: chooser }),
    offers: offersTo(plan.dhcp, node.mac).map((offer) => ({ ...offer, ...loaderOf(plan, offer) })),
    script: {
      url: absoluteUrl(plan.endpoint, scriptPath, node),
      leadsTo: script?.boot ?? 'nothing',
      body: (script?.body ?? '').replaceAll(tokenPlaceholder, 'TOKEN'),
    },
    ...(chooser === undefined && readsIgnition(node) && { ignition: ignitionOf(model, node) }),
    dns: records(plan, node),
    haproxy: backendsOf(model, node),
  }
}

function loaderOf({ tftp }: Plan, { bootFile = '' }: Offer): { readonly loader?: Loader } {
  const path = tftp.files.get(bootFile)
  if (path !== undefined) return { loader: { path } }
  const problem = tftp.missing.get(bootFile)
  return problem === undefined ? {} : { loader: { problem } }
}

function ignitionOf(model: Model, node: NodeModel): Required<Explanation>['ignition'] {
  const fact = ignitionFact(model, node, node.ignition)
  const common = {
    url: ignitionUrlOf(model.endpoint, node, node.ignition).replace(tokenPlaceholder, 'TOKEN'),
    file: fact.path,
    added: node.files.map(({ path, mode, source }) => ({
      path,
      mode: `0${mode.toString(8)}`,
      ...(source.kind === 'copy' && { from: source.file }),
    })),
  }
  if (fact.kind === 'missing') return { ...common, problem: fact.problem }
  if (fact.kind === 'asked') return { ...common, isAsked: true }
  return { ...common, octets: fact.octets, contents: fact.contents }
}

function records({ dns }: Plan, node: MemberModel): Explanation['dns'] {
  const own = new Set(node.addresses.map(formatIp))
  const backwards = new Set(node.addresses.map((address) => `${reverseName(address)}.`))
  const answers = (dns?.zones ?? [])
    .filter((zone) => !localZones.includes(zone))
    .flatMap((zone) => zone.records)
    .map(({ owner, data }) => ({ owner: `${owner}.`, type: data.type, data: rdataText(data) }))
  return {
    forward: answers.filter(({ type, data }) => (type === 'A' || type === 'AAAA') && own.has(data)),
    reverse: answers.filter(({ type, owner }) => type === 'PTR' && backwards.has(owner)),
  }
}

function backendsOf({ site, members }: Model, node: MemberModel): ExplainedBackend[] {
  if (site.haproxy === undefined) return []
  return site.clusters
    .flatMap((cluster) => serviceFrontends(cluster, members))
    .filter(({ servers, backups }) => [...servers, ...backups].includes(node))
    .map(({ service, binds, backups }) => ({
      service,
      addresses: binds.map(({ endpoint }) => endpoint),
      server: formatEndpoint(node.address, servicePorts[service]),
      isBackup: backups.includes(node),
      isOut: !node.isBalanced,
    }))
}

// The DHCP offers to a machine, made by the `respond` of the DHCP service and decoded option by option. Pure.

type ReadOption = { readonly code: number; readonly name: string; readonly value: string }

export type Offer = {
  /** `BIOS firmware (architecture 0)` */
  readonly client: string
  /** Why there is no offer, or nothing to boot in it. */
  readonly reason?: string
  /** Absent where another DHCP server assigns it. */
  readonly address?: string
  /** siaddr and file of the header. */
  readonly nextServer?: string
  readonly file?: string
  /** A name for TFTP, or a URL. */
  readonly bootFile?: string
  /** Ordered as in the packet. */
  readonly options: readonly ReadOption[]
}

type Client = { readonly name: string; readonly profile: DhcpProfile }

/** The possible kinds of firmware, known only when the node boots, and iPXE, which the firmware fetches. */
const clients: readonly Client[] = [
  { name: 'BIOS firmware (architecture 0)', profile: firmwareProfile('bios') },
  { name: 'x64 UEFI firmware (architecture 7)', profile: firmwareProfile('uefi') },
  { name: 'arm64 UEFI firmware (architecture 11)', profile: firmwareProfile('arm64') },
  { name: 'iPXE', profile: ipxeProfile('uefi') },
]

/** For nodes whose firmware only the site identifies. */
const silentClients: readonly Client[] = [
  { name: 'firmware that does not identify itself', profile: firmwareProfile('ppc64le') },
]

/** Returns the offers to each kind of client with this hardware address. */
export function offersTo(plan: DhcpPlan, mac: Mac): Offer[] {
  const boot = plan.reservationByMac.get(mac)?.boot
  const possible = boot !== undefined && 'silentArchitecture' in boot ? silentClients : clients
  return possible.map(({ name, profile }) => offerTo(plan, mac, name, profile))
}

function offerTo(plan: DhcpPlan, mac: Mac, client: string, profile: DhcpProfile): Offer {
  const out = new Uint8Array(maxReplyOctets)
  const decision = respond(
    { payload: discover(mac, profile), address: '0.0.0.0', port: plan.clientPort },
    'broadcast',
    plan,
    out,
  )
  const reason = 'about' in decision ? decision.about.reason : decision.reason
  const why = reason === undefined ? {} : { reason }
  if (!('octets' in decision)) return { client, ...why, options: [] }
  const { yiaddr, siaddr, file, options } = decodeMessage(out.subarray(0, decision.octets))
  const { bootFile } = decision.about
  return {
    client,
    ...why,
    ...(yiaddr === 0 ? {} : { address: formatIpv4(yiaddr) }),
    ...(siaddr === 0 ? {} : { nextServer: formatIpv4(siaddr) }),
    ...(file === '' ? {} : { file }),
    ...(bootFile === undefined ? {} : { bootFile }),
    options: options.map(readOption),
  }
}

/** @param giaddr of the relay agent, if there is one */
export function discover(mac: Mac, profile: DhcpProfile, giaddr?: Ipv4): Uint8Array {
  const none = 0 as Ipv4
  const chaddr = new Uint8Array(16)
  chaddr.set(macOctets(mac))
  const message: DhcpMessage = {
    op: 1,
    htype: 1,
    hlen: 6,
    hops: 0,
    xid: 1,
    secs: 0,
    flags: profile.flags,
    chaddr,
    ciaddr: none,
    yiaddr: none,
    siaddr: none,
    giaddr: giaddr ?? none,
    sname: '',
    file: '',
    options: [
      { code: OptionCode.messageType, value: Uint8Array.of(MessageType.discover) },
      ...profile.discover(mac),
    ],
  }
  const out = new Uint8Array(maxReplyOctets)
  return out.subarray(0, encodeMessage(message, out))
}

function readOption(option: DhcpOption): ReadOption {
  const name = optionRowByCode.get(option.code)?.name ?? 'unknown'
  return { code: option.code, name, value: valueText(option) }
}

/** Formats a value as an administrator writes it, or in hexadecimal. */
export function valueText(option: DhcpOption): string {
  const { code, value } = option
  if (code === OptionCode.messageType) return messageTypeName(value[0])
  if (code === OptionCode.ipxe) return ipxeText(value)
  switch (optionRowByCode.get(code)?.type) {
    case 'address':
    case 'addresses':
      return addressesOf(option).map(formatIpv4).join(', ')
    case 'seconds':
      return `${secondsOf(option)} s`
    case 'text':
      return textOf(option)
    case 'names':
      return namesIn(value).join(', ')
    default:
      return Array.from(value, (octet) => octet.toString(16).padStart(2, '0')).join(' ')
  }
}

function messageTypeName(type: number | undefined): string {
  const [name] = Object.entries(MessageType).find(([, code]) => code === type) ?? [String(type)]
  return name.toUpperCase()
}

/** The iPXE setting that skips the wait for ProxyDHCP. */
const noProxyDhcp = 176

function ipxeText(value: Uint8Array): string {
  const { found } = readSubOptions(value)
  const shown = [...found].map(([code, octets]) =>
    code === noProxyDhcp ? `no-pxedhcp=${octets.join('.')}` : `${code}=${octets.join('.')}`,
  )
  return shown.join(', ')
}

/** Decodes the names of a search list (RFC 3397). */
function namesIn(value: Uint8Array): string[] {
  const names: string[] = []
  for (let at = 0; at < value.length;) {
    const { labels, end } = labelsAt(value, at)
    names.push(labels.join('.'))
    at = end
  }
  return names
}

/** Follows only pointers to an earlier position, so that it cannot loop (RFC 1035 §4.1.4). */
function labelsAt(value: Uint8Array, start: number): { readonly labels: string[]; readonly end: number } {
  const labels: string[] = []
  let at = start
  for (let length = value[at] ?? 0; length !== 0; length = value[at] ?? 0) {
    if (length >= 0xc0) {
      const target = ((length & 0x3f) << 8) | (value[at + 1] ?? 0)
      const rest = target < start ? labelsAt(value, target).labels : []
      return { labels: [...labels, ...rest], end: at + 2 }
    }
    labels.push(latin1(value.subarray(at + 1, at + 1 + length)))
    at += 1 + length
  }
  return { labels, end: at + 1 }
}
