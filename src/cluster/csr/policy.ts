/**
 * Decides which certificate requests are approved: those of kubelets of declared nodes. The rules are those of OpenShift's
 * cluster-machine-approver; the site file and the observed boots replace its Machines. Never denies a request: a wrong
 * denial locks out a good node. Pure.
 */
import { formatDuration } from '../../text/format.ts'
import { formatIp } from '../../proto/address/ip.ts'
import type { ClusterCode } from '../codes.ts'
import { clientSigner, isForKubelet, type Csr } from '../objects.ts'
import type { BootEvidence, CsrNode } from './boot-evidence.ts'
import type { CertificateRequest, Decoded, decodeRequest } from './decode.ts'

export type PolicyContext = {
  readonly nodes: readonly CsrNode[]
  /** @param node its key */
  readonly bootEvidence: (node: string) => BootEvidence | undefined
  /** Milliseconds since 1970. */
  readonly now: number
  /** When each Node of the cluster was created, by name. Milliseconds since 1970. */
  readonly existingNodes: ReadonlyMap<string, number>
}

/** The request stays pending. `reason` is a sentence without a full stop. */
export type Pending = { readonly kind: 'pending'; readonly code: ClusterCode; readonly reason: string }

export type PolicyDecision =
  | {
      readonly kind: 'approve'
      /** Its key. */
      readonly node: string
      /** The names under which the cluster may already have it. */
      readonly names: readonly string[]
      /** A sentence without a full stop. */
      readonly why: string
    }
  | Pending

const bootstrapper = 'system:serviceaccount:openshift-machine-config-operator:node-bootstrapper'
const bootstrapperGroups = [
  'system:serviceaccounts:openshift-machine-config-operator',
  'system:serviceaccounts',
  'system:authenticated',
]
const nodePrefix = 'system:node:'
const nodesGroup = 'system:nodes'

/** Clocks can differ, and Kubernetes cuts times to seconds: times closer together than this prove no order. */
const clockToleranceMs = 10_000
/** A request may be this much younger than the last sign of the boot. */
const afterBootMs = 2 * 3_600_000

/** The controller manager removes pending requests after the same time. */
const maxAgeMs = 24 * 3_600_000

/** OpenShift signs for 30 days; its kubelets do not ask for more. */
const maxSeconds = 30 * 86_400

/** Call {@link loadRequestDecoder} before. */
export function evaluateCsr(csr: Csr, context: PolicyContext): PolicyDecision {
  if (csr.isDecided) return pending('csr.decided', 'it is already decided')
  if (!isForKubelet(csr)) {
    return pending('csr.other-signer', `its signer is ${quoted(csr.signerName)}, which is not for kubelets`)
  }
  const problem = timeProblem(csr, context.now)
  if (problem !== undefined) return problem
  const decoded = decodeOnce(csr)
  if (decoded.kind === 'malformed') return pending(decoded.code, `its request ${decoded.reason}`)
  const { request } = decoded
  const excess = excessOf(request)
  if (excess !== undefined) {
    return pending('csr.extra-content', `its request has ${excess}, which kubelets do not ask for`)
  }
  return csr.signerName === clientSigner
    ? evaluateClient(csr, request, context)
    : evaluateServing(csr, request, context)
}

let decoder: { readonly decodeRequest: typeof decodeRequest } | undefined

/**
 * Loads the code that decodes a request, before the first one is evaluated. Its packages take 50 ms and 15 MiB, and most
 * processes never see a request.
 */
export async function loadRequestDecoder(): Promise<void> {
  decoder ??= await import('./decode.ts')
}

export function isRequestDecoderLoaded(): boolean {
  return decoder !== undefined
}

/** Decoding takes about 1 ms, and pending requests are evaluated repeatedly. */
const decodedByCsr = new WeakMap<Csr, Decoded>()

function decodeOnce(csr: Csr): Decoded {
  if (decoder === undefined) throw new Error('the decoder of certificate requests is not loaded')
  const decoded = decodedByCsr.get(csr) ?? decoder.decodeRequest(csr.request)
  decodedByCsr.set(csr, decoded)
  return decoded
}

/**
 * Whether there are so many requests that some must be made up. Then slipway approves none.
 *
 * @param recent pending requests of the last hour for the two signers
 */
export function isFlood(recent: number, nodes: number): boolean {
  return recent > nodes + 100
}

function evaluateClient(csr: Csr, request: CertificateRequest, at: PolicyContext): PolicyDecision {
  if (csr.username !== bootstrapper) {
    return pending(
      'csr.other-requester',
      `its requester is ${quoted(csr.username)}, expected the machine config operator's node-bootstrapper`,
    )
  }
  if (!same(csr.groups, bootstrapperGroups)) {
    return pending(
      'csr.other-groups',
      `its requester is in the groups ${quoted(csr.groups.join(', '))}, expected those of the node-bootstrapper`,
    )
  }
  const problem = usageProblem(csr, 'client auth') ?? organizationProblem(request)
  if (problem !== undefined) return problem
  if (request.dnsNames.length + request.addresses.length > 0) {
    const [name = ''] = [...request.dnsNames, ...request.addresses.map(formatIp)]
    const reason = `it asks for the name ${quoted(name)} in a client certificate, expected none`
    return pending('csr.client-with-names', reason)
  }
  const name = nodeNameOf(request)
  if (name === undefined) return commonNameProblem(request)
  const node = at.nodes.find(({ names }) => names.includes(name))
  if (node === undefined) return undeclared(name)
  return evaluateBoot(csr, node, name, at)
}

/** The node's boot has to be seen around the time of its request, and its name must not be in use. */
function evaluateBoot(
  csr: Csr,
  { key, names, isBooted }: CsrNode,
  name: string,
  { bootEvidence, existingNodes }: PolicyContext,
): PolicyDecision {
  if (!isBooted) {
    const reason = `slipway does not boot ${key} (boot: none), so it cannot verify the machine; check the machine, then approve the request with oc adm certificate approve ${csr.name}`
    return pending('csr.node-not-booted', reason)
  }
  const boot = bootEvidence(key)
  if (boot === undefined) return pending('csr.node-not-seen-booting', `${key} was not seen booting`)
  if (csr.createdAt < boot.from - clockToleranceMs) {
    const age = formatDuration(boot.from - csr.createdAt)
    return pending('csr.older-than-boot', `the request is ${age} older than the boot of ${key}`)
  }
  if (csr.createdAt > boot.to + afterBootMs) {
    return pending(
      'csr.boot-too-long-ago',
      `${key} was last seen booting ${formatDuration(csr.createdAt - boot.to)} before the request, expected at most 2 h`,
    )
  }
  const existing = names.find((each) => existingNodes.has(each))
  const createdAt = existing === undefined ? undefined : existingNodes.get(existing)
  const isReinstalled =
    createdAt !== undefined && (boot.installedAt ?? -Infinity) > createdAt + clockToleranceMs
  if (createdAt !== undefined && !isReinstalled) {
    return pending(
      'csr.node-exists',
      `the cluster already has the node ${existing}, and it has not been reinstalled since; to replace the machine, delete the node`,
    )
  }
  const when =
    boot.to < csr.createdAt
      ? `${formatDuration(csr.createdAt - boot.to)} before the request`
      : 'at the time of the request'
  const again = isReinstalled ? ', after a reinstallation' : ''
  return {
    kind: 'approve',
    node: key,
    names,
    why: `${name} is declared, and was seen booting ${when}${again}`,
  }
}

function evaluateServing(csr: Csr, request: CertificateRequest, { nodes }: PolicyContext): PolicyDecision {
  const missing = [nodesGroup, 'system:authenticated'].find((group) => !csr.groups.includes(group))
  if (missing !== undefined) {
    return pending('csr.other-groups', `its requester is not in the group ${missing}`)
  }
  const problem = usageProblem(csr, 'server auth') ?? organizationProblem(request)
  if (problem !== undefined) return problem
  const name = nodeNameOf(request)
  if (name === undefined) return commonNameProblem(request)
  if (csr.username !== nodePrefix + name) {
    const reason = `its requester is ${quoted(csr.username)}, expected the node ${quoted(name)} itself`
    return pending('csr.other-requester', reason)
  }
  const node = nodes.find(({ names }) => names.includes(name))
  if (node === undefined) return undeclared(name)
  const { dnsNames, addresses } = request
  if (dnsNames.length + addresses.length === 0) {
    return pending('csr.serving-without-names', 'it asks for neither a DNS name nor an address')
  }
  const dnsName = dnsNames.find((each) => !node.names.includes(each.toLowerCase()))
  if (dnsName !== undefined) {
    return pending('csr.name-not-declared', `the name ${quoted(dnsName)} is not declared for ${node.key}`)
  }
  const address = addresses.find((each) => !node.addresses.includes(each))
  if (address !== undefined) {
    const reason = `the address ${formatIp(address)} is not declared for ${node.key}`
    return pending('csr.address-not-declared', reason)
  }
  return {
    kind: 'approve',
    node: node.key,
    names: node.names,
    why: `${name} itself requests it, for names and addresses that are declared for it`,
  }
}

function pending(code: ClusterCode, reason: string): Pending {
  return { kind: 'pending', code, reason }
}

function undeclared(name: string): Pending {
  return pending('csr.node-not-declared', `${quoted(name)} is not a declared node of this cluster`)
}

function timeProblem({ createdAt, expirationSeconds: seconds }: Csr, now: number): Pending | undefined {
  if (Number.isNaN(createdAt)) return pending('csr.time-missing', 'it has no creation time')
  if (createdAt > now + clockToleranceMs) {
    return pending('csr.time-in-future', 'its creation time is in the future; synchronize the clocks (NTP)')
  }
  if (now - createdAt > maxAgeMs) return pending('csr.too-old', 'it is more than one day old')
  if (seconds === undefined || seconds <= maxSeconds) return undefined
  const [asked, most] = [seconds, maxSeconds].map((each) => formatDuration(each * 1000))
  return pending('csr.validity-too-long', `it asks for ${asked}, expected at most ${most}`)
}

function excessOf({ otherSubject, otherNames, otherExtensions }: CertificateRequest): string | undefined {
  const [attribute] = otherSubject
  if (attribute !== undefined) return `${attribute} in its subject`
  const [name] = otherNames
  if (name !== undefined) return quoted(name)
  const [extension] = otherExtensions
  return extension === undefined ? undefined : `the extension ${extension}`
}

function usageProblem({ usages }: Csr, purpose: string): Pending | undefined {
  const expected = ['digital signature', purpose]
  if (same(usages, expected) || same(usages, [...expected, 'key encipherment'])) return undefined
  return pending(
    'csr.other-usages',
    `its usages are ${quoted(usages.join(', '))}, expected ${expected.join(', ')} and optionally key encipherment`,
  )
}

/** The signer rejects other lists; the machine approver only requires that `system:nodes` is in it. */
function organizationProblem({ organizations }: CertificateRequest): Pending | undefined {
  if (organizations.length === 1 && organizations[0] === nodesGroup) return undefined
  const reason = `its organization is ${quoted(organizations.join(', '))}, expected ${nodesGroup}`
  return pending('csr.other-organization', reason)
}

function nodeNameOf({ commonNames }: CertificateRequest): string | undefined {
  const [name = '', ...more] = commonNames
  if (more.length > 0 || !name.startsWith(nodePrefix) || name === nodePrefix) return undefined
  return name.slice(nodePrefix.length)
}

function commonNameProblem({ commonNames }: CertificateRequest): Pending {
  const reason = `its common name is ${quoted(commonNames.join(', '))}, expected one ${nodePrefix}NAME`
  return pending('csr.other-common-name', reason)
}

/** Untrusted text is quoted, cut, and without control characters. */
const maxQuotedCharacters = 120

function quoted(text: string): string {
  const shown = text.length <= maxQuotedCharacters ? text : `${text.slice(0, maxQuotedCharacters)}…`
  return JSON.stringify(shown).replaceAll(/[^\x20-\x7e…]/g, '?')
}

/** Whether two lists hold the same items, in any order. */
function same(list: readonly string[], expected: readonly string[]): boolean {
  const set = new Set(list)
  return (
    list.length === expected.length && set.size === list.length && expected.every((each) => set.has(each))
  )
}
