/**
 * Approves the certificate requests of a cluster's declared nodes (decision 0026). All other requests stay pending, with
 * a reason for the administrator; slipway never denies one.
 */
import type { Clock, Timer } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Approval } from '../../site/schema.ts'
import { kinds, type PendingRequest } from '../objects.ts'
import type { ClusterSession } from '../session.ts'
import { createApprovals, type ApprovedCsr } from './approvals.ts'
import { isForKubelet, isRenewal, type Csr } from './object.ts'
import {
  evaluateCsr,
  isFlood,
  type BootEvidence,
  type CsrNode,
  type PolicyContext,
  type PolicyDecision,
} from './policy.ts'

export type ApproverOptions = {
  /** The cluster's name in the site. */
  readonly cluster: string
  readonly session: ClusterSession
  /** Reports what it would approve, and approves nothing. */
  readonly isDryRun: boolean
  /** Returns the nodes that are declared now. */
  readonly nodes: () => readonly CsrNode[]
  /** Returns when a node was seen booting. @param node its key */
  readonly bootEvidence: (node: string) => BootEvidence | undefined
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  /** Called after each approval. */
  readonly onApproved: (approval: ApprovedCsr) => void
  /** Returns the number of approvals since the start, including those before a reload. */
  readonly approved: () => number
}

/** A pending request and why it is pending. Plain data, as the local API returns it. */
export type PendingCsr = {
  readonly name: string
  /** Milliseconds since 1970; 0 if unknown. */
  readonly createdAt: number
  readonly signer: string
  /** The user name of the requester. */
  readonly username: string
  /** A sentence. */
  readonly reason: string
}

export type PendingCsrs = {
  readonly cluster: string
  readonly approve: Exclude<Approval, 'off'>
  /** Why the requests cannot be read: a sentence. */
  readonly trouble?: string
  /** Since the start. */
  readonly approved: number
  /** Oldest first. */
  readonly requests: readonly PendingCsr[]
}

export type Approver = {
  pending(): PendingCsrs
  /** Evaluates all requests again: a node was seen booting, or other nodes are declared. */
  reconsider(): void
  close(): void
}

/** Only asking again shows that a node was deleted. */
const reconsiderMs = 30_000

/** How many requests are evaluated in addition to one for each node. */
const extraRequests = 1000
/** Requests for other signers are only shown, and must not displace those of kubelets. */
const maxOthers = 100

const hourMs = 3_600_000

export function createApprover(options: ApproverOptions): Approver {
  const { cluster, session, isDryRun, nodes, bootEvidence, clock, log, counters, onApproved } = options
  const end = new AbortController()
  /** Why each request is pending, by its name. */
  const reasons = new Map<string, string>()
  let outage: string | undefined
  let isFlooded = false
  let timer: Timer

  const held = session.hold(kinds.signingRequests, {
    onChange(name) {
      for (const each of name === undefined ? reasons.keys() : [name]) {
        if (held.get(each) === undefined) reasons.delete(each)
      }
      const changed = name === undefined ? undefined : held.get(name)
      checkForFlood()
      if (name === undefined) reconsider()
      else if (changed !== undefined) consider(changed)
    },
    onOutage() {
      const { sentence } = held.outage() ?? {}
      if (sentence !== undefined && sentence !== outage) counters.increment('csr.troubles')
      outage = sentence
    },
    onUnreadable: () => counters.increment('csr.malformed'),
  })

  const evaluate = (csr: Csr, existingNodes: PolicyContext['existingNodes']): PolicyDecision =>
    isFlooded
      ? floodDecision
      : evaluateCsr(csr, { nodes: nodes(), bootEvidence, now: clock.now(), existingNodes })

  const approvals = createApprovals({
    ...{ cluster, session, isDryRun, clock, log, counters, held, signal: end.signal, onApproved },
    ...{ evaluate, onPending },
  })

  /** Returns the newest requests: the oldest stay pending without being evaluated. */
  function considered(): readonly PendingRequest[] {
    const all = held.items()
    const kubelets = all.filter(({ csr }) => isForKubelet(csr))
    const others = all.filter(({ csr }) => !isForKubelet(csr))
    return [...kubelets.slice(-(nodes().length + extraRequests)), ...others.slice(-maxOthers)]
  }

  function consider({ csr }: PendingRequest): void {
    // Asks the cluster for its nodes only if nothing else prevents the approval.
    const decision = evaluate(csr, new Map())
    if (decision.kind === 'leave') onPending(csr, decision.reason)
    else approvals.add(csr.name)
  }

  /** Logs each reason of a request once. */
  function onPending(csr: Csr, reason: string): void {
    const { name, signerName, username } = csr
    if (reasons.get(name) === reason) return
    reasons.set(name, reason)
    // The cluster's own controller approves these at once.
    if (isRenewal(csr)) return
    counters.increment('csr.left')
    log.info(
      { cluster, csr: name, signer: signerName, requestor: username, reason },
      'certificate request pending',
    )
  }

  /** Before the requests are evaluated, so that thousands of made-up ones cost little. */
  function checkForFlood(): void {
    const since = clock.now() - hourMs
    const recent = held.items().filter(({ csr }) => isForKubelet(csr) && csr.createdAt >= since).length
    const was = isFlooded
    isFlooded = isFlood(recent, nodes().length)
    if (isFlooded === was) return
    if (isFlooded) counters.increment('csr.floods')
    const facts = { cluster, pending: recent, nodes: nodes().length }
    if (isFlooded) log.warn(facts, 'too many certificate requests, approving none')
    else log.info(facts, 'certificate requests are evaluated again')
    reconsider()
  }

  function reconsider(): void {
    for (const request of considered()) consider(request)
  }

  function tick(): void {
    checkForFlood()
    reconsider()
    timer = clock.after(reconsiderMs, tick)
  }

  timer = clock.after(reconsiderMs, tick)
  if (held.isCurrent()) reconsider()

  function pending(): PendingCsrs {
    const { sentence } = held.outage() ?? {}
    const evaluated = new Set(considered())
    const requests = held.items().map((each) => {
      const { csr } = each
      const noReason = evaluated.has(each)
        ? 'slipway is approving it'
        : 'not evaluated: too many newer requests'
      return {
        name: csr.name,
        createdAt: Number.isNaN(csr.createdAt) ? 0 : csr.createdAt,
        signer: csr.signerName,
        username: csr.username,
        reason: reasons.get(csr.name) ?? noReason,
      }
    })
    return {
      ...{ cluster, approve: isDryRun ? 'dry-run' : 'declared', approved: options.approved() },
      ...(sentence !== undefined && { trouble: sentence }),
      requests: requests.sort((a, b) => a.createdAt - b.createdAt),
    }
  }

  return {
    pending,
    reconsider,
    close() {
      end.abort()
      timer.cancel()
      held.release()
    },
  }
}

const floodDecision: PolicyDecision = {
  kind: 'leave',
  reason:
    'too many requests at once: more than one for each declared node and 100; slipway approves none until fewer are pending',
}
