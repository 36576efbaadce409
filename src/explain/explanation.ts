/** Everything that the services send to one node, as data from the plan. Pure. */
import { localZones } from '../plan/dns/local-zones.ts'
import { reverseName } from '../plan/dns/names.ts'
import { formatEndpoint, frontEnds, servicePorts } from '../plan/haproxy/plan.ts'
import type { IgnitionContents } from '../plan/ignition/document.ts'
import { ignitionFact, imageFacts } from '../plan/ipxe/installation.ts'
import type { Model, NodeModel } from '../plan/model.ts'
import type { Plan } from '../plan/compile.ts'
import { absoluteUrl, tokenPlaceholder, urlPaths } from '../plan/urls.ts'
import { formatIp, formatCidr, formatIpv4 } from '../proto/address/ip.ts'
import { offersTo, type Offer } from './dhcp-offer.ts'
import { rdataText } from '../plan/dns/zone.ts'

export type Explanation = {
  readonly node: string
  readonly role: string
  readonly name: string
  readonly mac: string
  readonly address: string
  readonly addresses: readonly string[]
  readonly network: string
  readonly boot: string
  readonly image: string
  /** Absent where the agent in the image chooses the disk. */
  readonly disk?: string
  readonly offers: readonly (Offer & { readonly loader?: Loader })[]
  readonly script: { readonly url: string; readonly leadsTo: string; readonly body: string }
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
  readonly haproxy: readonly BackEnd[]
}

/** The file on this machine for a boot file, or why there is none. */
type Loader = { readonly path: string } | { readonly problem: string }
/** Names end in a dot, as in a master file. */
export type Answer = { readonly owner: string; readonly type: string; readonly data: string }
export type BackEnd = {
  readonly service: string
  /** The addresses that clients connect to. */
  readonly addresses: readonly string[]
  readonly server: string
  /** A backup: HAProxy uses it only while no other server is up. */
  readonly isBackup: boolean
  /** Disabled by the site (`balance: false`). */
  readonly isOut: boolean
}

export function explanationOf(model: Model, plan: Plan, node: NodeModel): Explanation {
  const scriptPath = urlPaths.bootScript(node)
  const isAgent = imageFacts(model, node.image).style === 'agent'
  const script = plan.http.scripts.get(scriptPath)
  return {
    node: node.key,
    role: node.role,
    name: node.fqdn,
    mac: node.mac,
    address: formatIpv4(node.address),
    addresses: node.addresses.map(formatIp),
    network: formatCidr(node.subnet.cidr),
    boot: node.boot,
    image: node.image,
    ...(node.disk !== undefined && !isAgent && { disk: node.disk }),
    offers: offersTo(plan.dhcp, node.mac).map((offer) => ({ ...offer, ...loaderOf(plan, offer) })),
    script: {
      url: absoluteUrl(plan.endpoint, scriptPath),
      leadsTo: script?.boot ?? 'nothing',
      body: (script?.body ?? '').replaceAll(tokenPlaceholder, 'TOKEN'),
    },
    ...(!isAgent && { ignition: ignitionOf(model, node) }),
    dns: records(plan, node),
    haproxy: backEnds(model, node),
  }
}

function loaderOf({ tftp }: Plan, { bootFile = '' }: Offer): { readonly loader?: Loader } {
  const path = tftp.files.get(bootFile)
  if (path !== undefined) return { loader: { path } }
  const problem = tftp.missing.get(bootFile)
  return problem === undefined ? {} : { loader: { problem } }
}

function ignitionOf(model: Model, node: NodeModel): Required<Explanation>['ignition'] {
  const fact = ignitionFact(model, node.cluster, node.ignition)
  const common = {
    url: absoluteUrl(model.endpoint, urlPaths.ignition(node, node.ignition)).replace(
      tokenPlaceholder,
      'TOKEN',
    ),
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

function records({ dns }: Plan, node: NodeModel): Explanation['dns'] {
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

function backEnds({ site, nodes }: Model, node: NodeModel): BackEnd[] {
  if (site.haproxy === undefined) return []
  return site.clusters
    .flatMap((cluster) => frontEnds(cluster, nodes))
    .filter(({ servers, backups }) => [...servers, ...backups].includes(node))
    .map(({ service, addresses, backups }) => ({
      service,
      addresses: addresses.map((address) => formatEndpoint(address, servicePorts[service])),
      server: formatEndpoint(node.address, servicePorts[service]),
      isBackup: backups.includes(node),
      isOut: !node.isBalanced,
    }))
}
