/**
 * Which certificate requests are approved: those that the kubelets of declared nodes make, by the rules of
 * OpenShift's cluster-machine-approver, with the site file and what was seen of a boot in place of Machines.
 * Pure. Nothing is ever denied: a wrong denial locks out a good node.
 */
import { formatDuration } from '../../text/duration.ts'
import type { NodeModel } from '../../plan/model.ts'
import { formatIp, type Ip } from '../../proto/address/ip.ts'
import { decodeRequest, type CertificateRequest } from './decode.ts'
import type { Csr } from './object.ts'
import { quoted, same } from './words.ts'

/** A declared node of the cluster. */
export type CsrNode = {
  /** `<cluster>/<name>` */
  readonly key: string
  /** Lower case, fully qualified and short: the kubelet's name is one of them. */
  readonly names: readonly string[]
  readonly addresses: readonly Ip[]
}

/** When this appliance saw a node boot. Milliseconds since 1970. */
export type Sighting = {
  /** When its installation, or its boot, began. */
  readonly from: number
  /** When it was last seen booting; not before `from`. */
  readonly to: number
  /** When the latest installation was given to it; absent when it only booted. */
  readonly installedAt?: number
}

export type Circumstances = {
  readonly nodes: readonly CsrNode[]
  /** @param node its key */
  readonly seen: (node: string) => Sighting | undefined
  /** Milliseconds since 1970. */
  readonly now: number
  /** Node objects of the cluster: when each was made, by name. */
  readonly existingNodes: ReadonlyMap<string, number>
}

/** `why` and `reason` are sentences without their full stop. */
export type Verdict =
  | {
      readonly kind: 'approve'
      /** Its key. */
      readonly node: string
      /** Under which the cluster may have it already. */
      readonly names: readonly string[]
      readonly why: string
    }
  | { readonly kind: 'leave'; readonly reason: string }

/** Those of a cluster that may ask; its bootstrap never joins. */
export function csrNodes(nodes: readonly NodeModel[], cluster: string): readonly CsrNode[] {
  return nodes
    .filter((node) => node.cluster === cluster && node.role !== 'bootstrap')
    .map(({ key, name, fqdn, addresses }) => ({ key, names: [fqdn, name], addresses }))
}

export const clientSigner = 'kubernetes.io/kube-apiserver-client-kubelet'
export const servingSigner = 'kubernetes.io/kubelet-serving'

const bootstrapper = 'system:serviceaccount:openshift-machine-config-operator:node-bootstrapper'
const bootstrapperGroups = [
  'system:serviceaccounts:openshift-machine-config-operator',
  'system:serviceaccounts',
  'system:authenticated',
]
const nodePrefix = 'system:node:'
const nodesGroup = 'system:nodes'

/** A request may be this much older than the boot, by clocks that differ, and this much younger. */
const beforeBootMs = 10_000
const afterBootMs = 2 * 3_600_000

/** The controller manager removes requests that nobody decided on after as long. */
const oldestMs = 24 * 3_600_000

/** OpenShift signs for 30 days; who asks for more is no kubelet of it. */
const mostSeconds = 30 * 86_400

/** Without `existingNodes` a client request is judged as if its node did not exist. */
export function judgeCsr(csr: Csr, circumstances: Circumstances): Verdict {
  if (csr.isSettled) return leave('it is decided already')
  if (csr.signerName !== clientSigner && csr.signerName !== servingSigner) {
    return leave(`its signer is ${quoted(csr.signerName)}, which is not for kubelets`)
  }
  const flaw = timeFlaw(csr, circumstances.now) ?? expirationFlaw(csr)
  if (flaw !== undefined) return leave(flaw)
  const decoded = decodeRequest(csr.request)
  if (decoded.kind === 'malformed') return leave(`its request ${decoded.reason}`)
  const { request } = decoded
  const excess = excessOf(request)
  if (excess !== undefined) return leave(`its request has ${excess}, which no kubelet asks for`)
  return csr.signerName === clientSigner
    ? judgeClient(csr, request, circumstances)
    : judgeServing(csr, request, circumstances)
}

/**
 * Whether so many ask at once that somebody must be making requests up; then nobody is approved.
 *
 * @param recent undecided requests of the last hour for the two signers
 */
export function isFlood(recent: number, nodes: number): boolean {
  return recent > nodes + 100
}

function judgeClient(csr: Csr, request: CertificateRequest, at: Circumstances): Verdict {
  if (csr.username !== bootstrapper) {
    return leave(
      `${quoted(csr.username)} asks for it, expected the machine config operator's node-bootstrapper`,
    )
  }
  if (!same(csr.groups, bootstrapperGroups)) {
    return leave(
      `who asks is in the groups ${quoted(csr.groups.join(', '))}, expected the node-bootstrapper's`,
    )
  }
  const flaw = usageFlaw(csr, 'client auth') ?? organisationFlaw(request)
  if (flaw !== undefined) return leave(flaw)
  if (request.dnsNames.length + request.addresses.length > 0) {
    const [name = ''] = [...request.dnsNames, ...request.addresses.map(formatIp)]
    return leave(`it asks for the name ${quoted(name)} in a client certificate, expected none`)
  }
  const name = nodeNameOf(request)
  if (name === undefined) return leave(commonNameFlaw(request))
  const node = at.nodes.find(({ names }) => names.includes(name))
  if (node === undefined) return leave(`${quoted(name)} is not a declared node of this cluster`)
  return judgeBoot(csr, node, name, at)
}

/** Whether the node's boot was seen around the time of its request, and whether its name is free. */
function judgeBoot(
  csr: Csr,
  { key, names }: CsrNode,
  name: string,
  { seen, existingNodes }: Circumstances,
): Verdict {
  const sighting = seen(key)
  if (sighting === undefined) return leave(`${key} was not seen booting`)
  if (csr.createdAt < sighting.from - beforeBootMs) {
    return leave(
      `${key} was seen booting only ${formatDuration(sighting.from - csr.createdAt)} after it asked`,
    )
  }
  if (csr.createdAt > sighting.to + afterBootMs) {
    return leave(
      `${key} was last seen booting ${formatDuration(csr.createdAt - sighting.to)} before it asked, expected 2 h at most`,
    )
  }
  const existing = names.find((each) => existingNodes.has(each))
  const madeAt = existing === undefined ? undefined : existingNodes.get(existing)
  const isReinstalled = madeAt !== undefined && (sighting.installedAt ?? -Infinity) > madeAt
  if (madeAt !== undefined && !isReinstalled) {
    return leave(
      `the cluster has the node ${existing} already, and it was not installed anew since; for another machine, delete the node`,
    )
  }
  const boot =
    sighting.to < csr.createdAt
      ? `${formatDuration(csr.createdAt - sighting.to)} before it asked`
      : 'when it asked'
  const again = isReinstalled ? ', installed anew' : ''
  return {
    kind: 'approve',
    node: key,
    names,
    why: `${name} is declared, and was seen booting ${boot}${again}`,
  }
}

function judgeServing(csr: Csr, request: CertificateRequest, { nodes }: Circumstances): Verdict {
  const missing = [nodesGroup, 'system:authenticated'].find((group) => !csr.groups.includes(group))
  if (missing !== undefined) return leave(`who asks is not in the group ${missing}`)
  const flaw = usageFlaw(csr, 'server auth') ?? organisationFlaw(request)
  if (flaw !== undefined) return leave(flaw)
  const name = nodeNameOf(request)
  if (name === undefined) return leave(commonNameFlaw(request))
  if (csr.username !== nodePrefix + name) {
    return leave(
      `${quoted(csr.username)} asks for a certificate of ${quoted(name)}, expected that node itself`,
    )
  }
  const node = nodes.find(({ names }) => names.includes(name))
  if (node === undefined) return leave(`${quoted(name)} is not a declared node of this cluster`)
  const { dnsNames, addresses } = request
  if (dnsNames.length + addresses.length === 0) return leave('it names neither a DNS name nor an address')
  const dnsName = dnsNames.find((each) => !node.names.includes(each.toLowerCase()))
  if (dnsName !== undefined) return leave(`the name ${quoted(dnsName)} is not declared for ${node.key}`)
  const address = addresses.find((each) => !node.addresses.includes(each))
  if (address !== undefined) return leave(`the address ${formatIp(address)} is not declared for ${node.key}`)
  return {
    kind: 'approve',
    node: node.key,
    names: node.names,
    why: `${name} itself asks, for names and addresses that are declared for it`,
  }
}

function leave(reason: string): Verdict {
  return { kind: 'leave', reason }
}

function timeFlaw({ createdAt }: Csr, now: number): string | undefined {
  if (Number.isNaN(createdAt)) return 'nothing says when it was made'
  if (createdAt > now + beforeBootMs)
    return 'it is of a time that has not come yet; set the clocks right (NTP)'
  if (now - createdAt > oldestMs) return 'it was made more than a day ago'
  return undefined
}

function expirationFlaw({ expirationSeconds: seconds }: Csr): string | undefined {
  if (seconds === undefined || seconds <= mostSeconds) return undefined
  return `it asks for ${formatDuration(seconds * 1000)}, expected ${formatDuration(mostSeconds * 1000)} at most`
}

function excessOf({ otherSubject, otherNames, otherExtensions }: CertificateRequest): string | undefined {
  const [attribute] = otherSubject
  if (attribute !== undefined) return `${attribute} in its subject`
  const [name] = otherNames
  if (name !== undefined) return quoted(name)
  const [extension] = otherExtensions
  return extension === undefined ? undefined : `the extension ${extension}`
}

function usageFlaw({ usages }: Csr, purpose: string): string | undefined {
  const expected = ['digital signature', purpose]
  if (same(usages, expected) || same(usages, [...expected, 'key encipherment'])) return undefined
  return `it is for ${quoted(usages.join(', '))}, expected ${expected.join(', ')} and perhaps key encipherment`
}

/** The signer takes no other list; the machine approver only looks whether `system:nodes` is in it. */
function organisationFlaw({ organisations }: CertificateRequest): string | undefined {
  if (organisations.length === 1 && organisations[0] === nodesGroup) return undefined
  return `its organisation is ${quoted(organisations.join(', '))}, expected ${nodesGroup}`
}

function nodeNameOf({ commonNames }: CertificateRequest): string | undefined {
  const [name = '', ...more] = commonNames
  if (more.length > 0 || !name.startsWith(nodePrefix) || name === nodePrefix) return undefined
  return name.slice(nodePrefix.length)
}

function commonNameFlaw({ commonNames }: CertificateRequest): string {
  return `its common name is ${quoted(commonNames.join(', '))}, expected one ${nodePrefix}NAME`
}
