/**
 * What is told of a node on its way from its entry in the site file to Ready: facts, each of which becomes a line when
 * it is new. Pure.
 */
import type { PendingCsr, PendingCsrs } from '../../../cluster/csr/approver.ts'
import { nodeStates } from '../../../install/node-states.ts'
import type { NodeDetails } from '../../../install/reports.ts'
import { stepKinds } from '../../../install/step-kinds.ts'
import type { Step } from '../../../install/step.ts'
import { formatDuration } from '../../../text/duration.ts'
import { formatBytes } from '../../../text/bytes.ts'
import type { MemberReport } from '../../../cluster/report.ts'
import { isRegistered, memberOf, type Goal, type NodeSnapshot } from '../../node-snapshot.ts'
import { stepDetail } from '../../text/step.ts'

/** `about` tells facts apart; one that is not as it was told last is told again, unless it has no line. */
export type Fact = { readonly about: string; readonly is: string; readonly line?: string }

export type Viewpoint = {
  readonly goal: Goal
  /** What was over before is not told. Milliseconds since 1970. */
  readonly from: number
  /** Keys and full names of the other nodes of its cluster. */
  readonly others: readonly string[]
}

/** In the order in which they came about. */
export function factsOf(sight: NodeSnapshot, view: Viewpoint): readonly Fact[] {
  const { story } = sight
  const { mode, since, reason, symptom } = story
  const attempts = story.attempt?.earlier ? `, attempt ${story.attempt.earlier + 1}` : ''
  const state = nodeStates[mode].title
  const own = [
    ...stepFacts(story, view.from),
    { at: since, about: 'mode', is: `${mode} ${since}`, line: `${state}${attempts}: ${reason}` },
  ]
  const trouble = symptom && `! ${symptom.saw}: ${symptom.likely}; ${symptom.advice}`
  return [
    ...own.sort((a, b) => a.at - b.at),
    { about: 'symptom', is: symptom?.name ?? '', ...(trouble && { line: trouble }) },
    ...(view.goal === 'ready' ? clusterFacts(sight, view) : []),
  ]
}

type TimedFact = Fact & { readonly at: number }

function stepFacts({ boots, words }: NodeSnapshot['story'], from: number): TimedFact[] {
  const steps = boots.flatMap((boot) => boot.steps.map((step) => ({ step, boot: boot.startedAt })))
  return [...steps, ...words.map((step) => ({ step, boot: 0 }))]
    .sort((a, b) => a.step.sequence - b.step.sequence)
    .filter(({ step }, index, all) => step.endedAt >= from || index === all.length - 1)
    .flatMap(({ step, boot }) => {
      const line = stepLine(step)
      const { kind, what, reason = '', outcome, startedAt, endedAt } = step
      const at = outcome === 'under-way' ? startedAt : endedAt
      // Whoever waits for something else waits anew.
      const about = [boot, kind, what, kind === 'wait-script' ? reason : ''].join(' ')
      return line === undefined ? [] : [{ at, about, is: line, line }]
    })
}

/** What its cluster says of it stands in the cluster's report, with the reasons of the moment. */
const ofCluster: ReadonlySet<string> = new Set(['registered', 'ready', 'not-ready', 'removed'])

/** @returns nothing for what is not over and may yet go well, and for what nobody saw */
function stepLine(step: Step): string | undefined {
  const { kind, what, outcome, reason, octets, total, durationMs } = step
  if (ofCluster.has(kind) || outcome === 'offered' || outcome === 'probed') return undefined
  if (kind === 'reboot') return undefined
  if (kind === 'wait-script') return `waits: ${reason ?? 'its turn'}`
  if (kind === 'disk' && outcome === 'under-way') return 'writes its disk'
  if (outcome === 'under-way') return `${stepKinds[kind].title}: ${what} begun`
  const detail = stepDetail(step)
  const isDownload = octets !== undefined && total !== undefined && outcome === 'done'
  const size = isDownload ? `, ${formatBytes(octets)} in ${formatDuration(durationMs)}` : ''
  return detail === '' ? stepKinds[kind].title : `${stepKinds[kind].title}: ${detail}${size}`
}

function clusterFacts({ story, cluster, csrs }: NodeSnapshot, view: Viewpoint): Fact[] {
  const { trouble } = cluster
  const member = memberOf(cluster, story.node)
  const sentence = trouble === undefined ? {} : { line: `! the cluster cannot be asked: ${trouble}` }
  const isAlone = csrs === undefined && story.mode === 'installed' && member.state !== 'ready'
  return [
    { about: 'cluster', is: trouble ?? '', ...sentence },
    ...(csrs === undefined ? [] : requestFacts(story, csrs, view)),
    ...(isAlone ? [{ about: 'approve', is: 'off', line: withoutApprover }] : []),
    ...memberFacts(story, member),
  ]
}

const withoutApprover =
  '! slipway approves no certificate requests here (approve in the site): oc get csr, then oc adm certificate approve NAME'

function memberFacts({ mode }: NodeDetails, member: MemberReport): Fact[] {
  const { state, reason } = member
  if (!isRegistered(member)) return []
  if (!isInPlace(mode)) {
    const line = '! its cluster has a node of this name from before'
    return [{ about: 'before', is: 'registered', line }]
  }
  const readiness = state === 'ready' ? 'Ready' : ['not Ready', reason].filter(Boolean).join(': ')
  return [
    { about: 'presence', is: 'registered', line: 'registered' },
    { about: 'readiness', is: readiness, line: readiness },
  ]
}

/** Whether what the cluster has can be what is on its disk: until then it is what was there before. */
function isInPlace(mode: NodeDetails['mode']): boolean {
  return mode === 'installed' || mode === 'local' || mode === 'menu'
}

/** The cluster's clock may be behind by as much. */
const skewMs = 60_000

function requestFacts(story: NodeDetails, { requests, trouble }: PendingCsrs, { others }: Viewpoint): Fact[] {
  const sentence = trouble === undefined ? {} : { line: `! certificate requests are not seen: ${trouble}` }
  return [
    { about: 'csrs', is: trouble ?? '', ...sentence },
    ...requests.flatMap((request) => {
      const whose = ownerOf(request, story, others)
      if (whose === undefined) return []
      const { name, reason } = request
      return [{ about: `csr ${name}`, is: reason, line: `! ${whose} ${name} is left pending: ${reason}` }]
    }),
  ]
}

/**
 * Whose a pending request is, as far as can be told: a kubelet's first one is made by the node-bootstrapper, and a
 * node that was given another name names itself by that.
 *
 * @returns nothing for one of another node
 */
function ownerOf(request: PendingCsr, story: NodeDetails, others: readonly string[]): string | undefined {
  const { signer, username, reason, createdAt } = request
  const { node: key, fqdn, attempt } = story
  const names = [key, fqdn, key.slice(key.indexOf('/') + 1)]
  const kind = signer.endsWith('/kubelet-serving') ? 'serving' : 'client'
  if (reason === 'it is being approved') return undefined
  if (names.some((name) => username === `system:node:${name}`)) return `its ${kind} certificate request`
  if (kind === 'serving' || !signer.endsWith('-kubelet')) return undefined
  const words = reason.split(/[\s,;:"'()]+/)
  if (names.some((name) => words.includes(name))) return 'its client certificate request'
  if (others.some((name) => words.includes(name))) return undefined
  const isOfNow = attempt !== undefined && createdAt >= attempt.startedAt - skewMs
  return isOfNow ? 'perhaps its own, the client certificate request' : undefined
}

/** Collects what was told. @returns the lines of what is new */
export function createTeller(): (facts: readonly Fact[]) => string[] {
  const told = new Map<string, string>()
  return (facts) =>
    facts.flatMap(({ about, is, line }) => {
      if (told.get(about) === is) return []
      told.set(about, is)
      return line === undefined ? [] : [line]
    })
}
