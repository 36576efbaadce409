/**
 * The progress of `slipway node add`: whether to arm the node, when the goal is reached, and what to do next; and facts, each
 * of which becomes a line when it is new. Pure.
 */
import type { PendingCsr, PendingCsrs } from '../../../cluster/csr/approver.ts'
import { nodeStates } from '../../../install/node-states.ts'
import type { NodeDetails } from '../../../install/reports.ts'
import { stepKinds } from '../../../install/step-kinds.ts'
import type { Step } from '../../../install/step.ts'
import { formatDuration, formatBytes } from '../../../text/format.ts'
import type { MemberReport } from '../../../cluster/report.ts'
import { isOtherSystem } from '../../../plan/systems/role.ts'
import { isRegistered, memberOf, type Goal, type NodeSnapshot } from '../../client.ts'
import { stepDetail } from '../../../install/step-text.ts'
import type { Refusal } from '../../poll.ts'

/** `about` identifies a fact. A fact is printed again when `is` changed, unless it has no line. */
type Fact = { readonly about: string; readonly is: string; readonly line?: string }

export type Viewpoint = {
  readonly goal: Goal
  /** Steps that ended before this are not printed. Milliseconds since 1970. */
  readonly from: number
  /** Keys and full names of the other nodes of its cluster. */
  readonly others: readonly string[]
}

/** Returns the facts in chronological order. */
export function factsOf(snapshot: NodeSnapshot, view: Viewpoint): readonly Fact[] {
  const { details } = snapshot
  const { mode, since, reason, symptom } = details
  const attempts = details.attempt?.earlier ? `, attempt ${details.attempt.earlier + 1}` : ''
  const state = nodeStates[mode].title
  const own = [
    ...stepFacts(details, view.from),
    { at: since, about: 'mode', is: `${mode} ${since}`, line: `${state}${attempts}: ${reason}` },
  ]
  const problem = symptom && `! ${symptom.saw}: ${symptom.likely}; ${symptom.advice}`
  return [
    ...own.sort((a, b) => a.at - b.at),
    { about: 'symptom', is: symptom?.name ?? '', ...(problem && { line: problem }) },
    ...(view.goal === 'ready' ? clusterFacts(snapshot, view) : []),
  ]
}

type TimedFact = Fact & { readonly at: number }

function stepFacts({ boots, words }: NodeSnapshot['details'], from: number): TimedFact[] {
  const steps = boots.flatMap((boot) => boot.steps.map((step) => ({ step, boot: boot.startedAt })))
  return [...steps, ...words.map((step) => ({ step, boot: 0 }))]
    .sort((a, b) => a.step.sequence - b.step.sequence)
    .filter(({ step }, index, all) => step.endedAt >= from || index === all.length - 1)
    .flatMap(({ step, boot }) => {
      const line = stepLine(step)
      const { kind, what, reason = '', outcome, startedAt, endedAt } = step
      const at = outcome === 'under-way' ? startedAt : endedAt
      // A wait with another reason is a new fact.
      const about = [boot, kind, what, kind === 'wait-script' ? reason : ''].join(' ')
      return line === undefined ? [] : [{ at, about, is: line, line }]
    })
}

/** Omitted here, because the cluster report shows them with the current reasons. */
const ofCluster: ReadonlySet<string> = new Set(['registered', 'ready', 'not-ready', 'removed'])

/** Returns nothing for a step that can still succeed, and for one without evidence. */
function stepLine(step: Step): string | undefined {
  const { kind, what, outcome, reason, octets, total, durationMs } = step
  if (ofCluster.has(kind) || outcome === 'offered' || outcome === 'probed') return undefined
  if (kind === 'reboot') return undefined
  if (kind === 'wait-script') return `waiting: ${reason ?? 'not its turn yet'}`
  if (kind === 'disk' && outcome === 'under-way') return 'writing to its disk'
  if (outcome === 'under-way') return `${stepKinds[kind].title}: ${what} started`
  const detail = stepDetail(step)
  const isDownload = octets !== undefined && total !== undefined && outcome === 'done'
  const size = isDownload ? `, ${formatBytes(octets)} in ${formatDuration(durationMs)}` : ''
  return detail === '' ? stepKinds[kind].title : `${stepKinds[kind].title}: ${detail}${size}`
}

function clusterFacts({ details, cluster, csrs }: NodeSnapshot, view: Viewpoint): Fact[] {
  const { trouble } = cluster
  const member = memberOf(cluster, details.node)
  const sentence = trouble === undefined ? {} : { line: `! cluster API not reachable: ${trouble}` }
  const isAlone = csrs === undefined && details.mode === 'installed' && member.state !== 'ready'
  return [
    { about: 'cluster', is: trouble ?? '', ...sentence },
    ...(csrs === undefined ? [] : requestFacts(details, csrs, view)),
    ...(isAlone ? [{ about: 'approve', is: 'off', line: withoutApprover }] : []),
    ...memberFacts(details, member),
  ]
}

const withoutApprover =
  '! slipway does not approve certificate requests of this cluster (key "approve"): run "oc get csr" and "oc adm certificate approve NAME"'

function memberFacts({ mode }: NodeDetails, member: MemberReport): Fact[] {
  const { state, reason } = member
  if (!isRegistered(member)) return []
  if (!isInPlace(mode)) {
    const line = '! its cluster still has the previous node of this name'
    return [{ about: 'before', is: 'registered', line }]
  }
  const readiness = state === 'ready' ? 'Ready' : ['not Ready', reason].filter(Boolean).join(': ')
  return [
    { about: 'presence', is: 'registered', line: 'registered' },
    { about: 'readiness', is: readiness, line: readiness },
  ]
}

/**
 * Returns whether the registered node can be the system on its disk. Before that, it is the system that is being
 * replaced.
 */
function isInPlace(mode: NodeDetails['mode']): boolean {
  return mode === 'installed' || mode === 'local' || mode === 'menu'
}

/** Accepted difference between the clock of the cluster and ours. */
const skewMs = 60_000

function requestFacts(
  details: NodeDetails,
  { requests, trouble }: PendingCsrs,
  { others }: Viewpoint,
): Fact[] {
  const sentence = trouble === undefined ? {} : { line: `! certificate requests not available: ${trouble}` }
  return [
    { about: 'csrs', is: trouble ?? '', ...sentence },
    ...requests.flatMap((request) => {
      const whose = ownerOf(request, details, others)
      if (whose === undefined) return []
      const { name, reason } = request
      return [{ about: `csr ${name}`, is: reason, line: `! ${whose} ${name} is pending: ${reason}` }]
    }),
  ]
}

/**
 * Guesses which node sent a pending request: the first request of a kubelet comes from the node-bootstrapper, and a node
 * with another host name uses that name.
 *
 * @returns nothing for a request of another node
 */
function ownerOf(request: PendingCsr, details: NodeDetails, others: readonly string[]): string | undefined {
  const { signer, username, reason, createdAt } = request
  const { node: key, fqdn, attempt } = details
  const names = [key, fqdn, key.slice(key.indexOf('/') + 1)]
  const kind = signer.endsWith('/kubelet-serving') ? 'serving' : 'client'
  if (reason === 'it is being approved') return undefined
  if (names.some((name) => username === `system:node:${name}`)) return `its ${kind} certificate request`
  if (kind === 'serving' || !signer.endsWith('-kubelet')) return undefined
  const reasonWords = reason.split(/[\s,;:"'()]+/)
  if (names.some((name) => reasonWords.includes(name))) return 'its client certificate request'
  if (others.some((name) => reasonWords.includes(name))) return undefined
  const isOfNow = attempt !== undefined && createdAt >= attempt.startedAt - skewMs
  return isOfNow ? 'the client certificate request, perhaps from this node,' : undefined
}

/** Returns a function that returns the lines of facts that are new since its last call. */
export function createRepeatedFactFilter(): (facts: readonly Fact[]) => string[] {
  const printed = new Map<string, string>()
  return (facts) =>
    facts.flatMap(({ about, is, line }) => {
      if (printed.get(about) === is) return []
      printed.set(about, is)
      return line === undefined ? [] : [line]
    })
}

export function endOf({ details, cluster }: NodeSnapshot, goal: Goal): 'done' | Refusal | undefined {
  const { node, mode, reason } = details
  const member = memberOf(cluster, node)
  switch (mode) {
    case 'install':
    case 'installing':
      return undefined
    case 'failed':
      return {
        kind: 'refused',
        reason: `the installation of ${node} failed; "slipway node show ${node}" shows its steps`,
      }
    case 'installed':
      return goal === 'installed' || member.state === 'ready' ? 'done' : undefined
    case 'local':
    case 'menu':
      if (member.state === 'absent') {
        return {
          kind: 'refused',
          reason: `${node} will not be installed: its boot mode is ${mode} (${reason})`,
        }
      }
      return goal === 'installed' || member.state === 'ready' ? 'done' : undefined
  }
}

/**
 * Decides whether to arm the node. A machine that was seen before can have a system on its disk, so an administrator
 * must allow slipway to overwrite it.
 *
 * @param startedAt when the command started: a machine that waits for its entry can be seen before it is served
 */
export function decideArming(
  { details, cluster }: NodeSnapshot,
  startedAt: number,
): 'arm' | 'continue' | Refusal {
  const { node, mode, reason, code, lastSeen } = details
  if (mode === 'install' || mode === 'installing' || mode === 'installed') return 'continue'
  if (isRegistered(memberOf(cluster, node))) return 'continue'
  // A code names the reason not to install it: evidence, or state that was lost.
  if (code === undefined && (lastSeen === undefined || lastSeen >= startedAt)) return 'arm'
  const advice = `if slipway can overwrite its disk, run "slipway node install ${node}"`
  if (code === 'install.disk-not-checked') {
    const unchecked = 'nothing looks at its disk before its installer overwrites it'
    return { kind: 'refused', reason: `${node} is not armed, because ${unchecked}: ${advice}` }
  }
  return {
    kind: 'refused',
    reason: `${node} was seen before, and its boot mode is ${mode} (${reason}): ${advice}`,
  }
}

/** Returns what the administrator can do after the goal was reached. */
export function nextSteps({ node, role, fqdn }: NodeDetails, reached: 'armed' | Goal): string[] {
  const steps = `"slipway node show ${node}" shows all steps`
  switch (reached) {
    case 'armed':
      return [
        `power on ${node}, with the network before the disk in its boot order`,
        `follow it with "slipway status --watch", or run this command without --until`,
      ]
    case 'installed':
      if (isOtherSystem(role)) return [`its network boots now start the system on its disk; ${steps}`]
      if (role === 'bootstrap') return ['wait for it with "slipway wait bootstrap-complete"']
      return [
        'it starts from its disk and requests two certificates: see "slipway csr list"',
        'run this command without --until to follow it until it is Ready',
      ]
    case 'ready':
      return [
        ...(role === 'infra'
          ? [`to move routers to it, run "oc label node ${fqdn} node-role.kubernetes.io/infra="`]
          : []),
        `its network boots now start the system on its disk; ${steps}`,
      ]
  }
}
