/**
 * Approves the certificate requests of a cluster's declared nodes (decision 0026). All other requests stay pending, with
 * a reason for the administrator; slipway never denies one. Requests are evaluated in slices, so that DHCP and DNS are
 * served in between.
 */
import { setImmediate } from 'node:timers/promises'
import { type Clock, type Timer, isAborted } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Approval } from '../../site/schema.ts'
import { kinds, type PendingRequest, isForKubelet, isRenewal, type Csr } from '../objects.ts'
import type { ClusterCode } from '../codes.ts'
import type { ClusterSession } from '../session.ts'
import { createApprovals, type ApprovedCsr, type ManualApproval } from './approvals.ts'
import {
  evaluateCsr,
  isFlood,
  isRequestDecoderLoaded,
  loadRequestDecoder,
  type Pending,
  type PolicyContext,
  type PolicyDecision,
} from './policy.ts'

export type ApproverOptions = {
  /** The cluster's name in the site. */
  readonly cluster: string
  readonly session: ClusterSession
  /** Reports what it would approve, and approves nothing. */
  readonly isDryRun: boolean
  /** Returns the nodes that are declared now, and when each was seen booting. Called once for each slice. */
  readonly known: () => Pick<PolicyContext, 'nodes' | 'bootEvidence'>
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
  readonly code: ClusterCode
  /** A sentence. */
  readonly reason: string
}

export type PendingCsrs = {
  readonly cluster: string
  readonly approve: Exclude<Approval, 'off'>
  /** Why the requests cannot be read: a sentence. */
  readonly trouble?: string
  /** The code of `trouble`. */
  readonly code?: ClusterCode
  /** Since the start. */
  readonly approved: number
  /** Oldest first. */
  readonly requests: readonly PendingCsr[]
}

export type Approver = {
  readonly cluster: string
  pending(): PendingCsrs
  /** As {@link Approvals.approveFor}; the result has the reason why the request was pending. */
  approveFor(by: string, name: string): Promise<(ManualApproval & { readonly pending: string }) | undefined>
  /** Evaluates all requests again: a node was seen booting, or other nodes are declared. */
  reconsider(): void
  close(): void
}

/** Only another query shows that a node was deleted. */
const reconsiderMs = 30_000

/** How many requests are evaluated in addition to one for each node. */
const extraRequests = 1000
/** Requests for other signers are only shown, and must not displace those of kubelets. */
const maxOthers = 100

const hourMs = 3_600_000

/** A slice of evaluations ends after this time. Decoding a request takes about 1 ms. */
const sliceMs = 10

export function createApprover(options: ApproverOptions): Approver {
  const { cluster, session, isDryRun, known, clock, log, counters, onApproved } = options
  const end = new AbortController()
  /** The names of requests to evaluate. */
  const waiting = new Set<string>()
  let isEvaluating = false
  /** Why each request is pending, by its name. */
  const reasons = new Map<string, Pending>()
  const pendingLog = createPendingLog(cluster, clock, log)
  let outage: string | undefined
  let isFlooded = false
  let timer: Timer

  const held = session.hold(kinds.signingRequests, {
    onChange(name) {
      for (const each of name === undefined ? reasons.keys() : [name]) {
        if (held.get(each) === undefined) reasons.delete(each)
      }
      if (name === undefined) reconsider()
      else consider([name])
    },
    onOutage() {
      const { sentence } = held.outage() ?? {}
      if (sentence !== undefined && sentence !== outage) counters.increment('csr.troubles')
      outage = sentence
    },
    onUnreadable: () => counters.increment('csr.malformed'),
  })

  const evaluateWith =
    (context: ReturnType<ApproverOptions['known']>) =>
    (csr: Csr, existingNodes: PolicyContext['existingNodes']): PolicyDecision =>
      isFlooded ? floodDecision : evaluateCsr(csr, { ...context, now: clock.now(), existingNodes })

  const approvals = createApprovals({
    cluster,
    session,
    isDryRun,
    clock,
    log,
    counters,
    held,
    signal: end.signal,
    onApproved,
    evaluate: (csr, existingNodes) => evaluateWith(known())(csr, existingNodes),
    onPending,
  })

  /** Returns the newest requests: the oldest stay pending without being evaluated. */
  function considered(): readonly PendingRequest[] {
    const all = held.items()
    const kubelets = all.filter(({ csr }) => isForKubelet(csr))
    const others = all.filter(({ csr }) => !isForKubelet(csr))
    return [...kubelets.slice(-(known().nodes.length + extraRequests)), ...others.slice(-maxOthers)]
  }

  function consider(names: readonly string[]): void {
    for (const name of names) waiting.add(name)
    if (isEvaluating) return
    isEvaluating = true
    void evaluateWaiting()
  }

  async function evaluateWaiting(): Promise<void> {
    try {
      if (waiting.size > 0 && !isRequestDecoderLoaded()) await loadRequestDecoder()
      do {
        evaluateSlice()
        await setImmediate()
      } while (waiting.size > 0 && !isAborted(end.signal))
    } catch (error) {
      // The requests stay pending. The decoder cannot be loaded while a package is being replaced, for example.
      log.error({ cluster, err: error }, 'certificate requests not evaluated')
    }
    isEvaluating = false
  }

  function evaluateSlice(): void {
    const endMs = clock.monotonic() + sliceMs
    const context = known()
    checkForFlood(context.nodes.length)
    const evaluate = evaluateWith(context)
    for (const name of waiting) {
      waiting.delete(name)
      const csr = held.get(name)?.csr
      if (csr === undefined) continue
      // Asks the cluster for its nodes only if nothing else prevents the approval.
      const decision = evaluate(csr, new Map())
      if (decision.kind === 'pending') onPending(csr, decision)
      else approvals.add(name)
      if (clock.monotonic() >= endMs) return
    }
  }

  /** Counts and logs each reason of a request once. */
  function onPending(csr: Csr, pending: Pending): void {
    if (reasons.get(csr.name)?.reason === pending.reason) return
    reasons.set(csr.name, pending)
    // The cluster's own controller approves these at once.
    if (isRenewal(csr)) return
    counters.increment('csr.left')
    counters.refuse(pending.code)
    // The flood itself is logged.
    if (pending !== floodDecision) pendingLog.add(csr, pending)
  }

  /** Before the requests are evaluated, so that thousands of made-up ones cost little. */
  function checkForFlood(nodes: number): void {
    const since = clock.now() - hourMs
    const recent = held.items().filter(({ csr }) => isForKubelet(csr) && csr.createdAt >= since).length
    const was = isFlooded
    isFlooded = isFlood(recent, nodes)
    if (isFlooded === was) return
    if (isFlooded) counters.increment('csr.floods')
    const facts = { cluster, pending: recent, nodes }
    if (isFlooded)
      log.warn({ ...facts, code: floodDecision.code }, 'too many certificate requests, approving none')
    else log.info(facts, 'certificate request evaluation resumed')
    reconsider()
  }

  function reconsider(): void {
    consider(considered().map(({ csr }) => csr.name))
  }

  function tick(): void {
    reconsider()
    timer = clock.after(reconsiderMs, tick)
  }

  timer = clock.after(reconsiderMs, tick)
  if (held.isCurrent()) reconsider()

  function pending(): PendingCsrs {
    const { code, sentence } = held.outage() ?? {}
    const evaluated = new Set(considered())
    const requests = held.items().map((each) => {
      const { csr } = each
      const { name, createdAt, signerName: signer, username } = csr
      const reason = reasons.get(name) ?? (evaluated.has(each) ? inProgress : notEvaluated)
      return {
        name,
        createdAt: Number.isNaN(createdAt) ? 0 : createdAt,
        signer,
        username,
        code: reason.code,
        reason: reason.reason,
      }
    })
    return {
      cluster,
      approve: isDryRun ? 'dry-run' : 'declared',
      approved: options.approved(),
      ...(sentence !== undefined && code !== undefined && { code, trouble: sentence }),
      requests: requests.sort((a, b) => a.createdAt - b.createdAt),
    }
  }

  return {
    cluster,
    pending,
    async approveFor(by, name) {
      const { reason: pending } = reasons.get(name) ?? inProgress
      const approval = await approvals.approveFor(by, name)
      return approval && { ...approval, pending }
    },
    reconsider,
    close() {
      end.abort()
      timer.cancel()
      pendingLog.close()
      held.release()
    },
  }
}

const floodDecision: Pending = {
  kind: 'pending',
  code: 'csr.flood',
  reason:
    'too many requests at once: more than one for each declared node plus 100; slipway approves none until fewer are pending',
}

const inProgress: Pending = { kind: 'pending', code: 'csr.in-progress', reason: 'slipway is evaluating it' }

const notEvaluated: Pending = {
  kind: 'pending',
  code: 'csr.not-evaluated',
  reason: 'not evaluated: too many newer requests',
}

type PendingLog = {
  add(csr: Csr, pending: Pending): void
  /** Logs the remaining requests. */
  close(): void
}

/** Requests that arrive within this time are logged together. */
const burstMs = 1000
/** The interval while one burst follows another. */
const laterMs = 30_000
/** Up to this number, each request has a line: enough for the nodes of a small cluster. */
const maxLines = 10

/** Logs why certificate requests stay pending: a few with a line for each, and a burst with one line and a count. */
function createPendingLog(cluster: string, clock: Clock, log: Pick<Log, 'info'>): PendingLog {
  const waiting: { readonly csr: Csr; readonly pending: Pending }[] = []
  let timer: Timer | undefined
  let delayMs = burstMs

  function flush(): void {
    timer?.cancel()
    timer = undefined
    const burst = waiting.splice(0)
    delayMs = burst.length > maxLines ? laterMs : burstMs
    if (burst.length <= maxLines) {
      for (const { csr, pending } of burst) {
        const { name, signerName: signer, username: requestor } = csr
        const { code, reason } = pending
        log.info({ cluster, csr: name, signer, requestor, code, reason }, 'certificate request pending')
      }
      return
    }
    const codes = new Map<string, number>()
    for (const { pending } of burst) codes.set(pending.code, (codes.get(pending.code) ?? 0) + 1)
    const count = burst.length
    log.info({ cluster, count, codes: Object.fromEntries(codes) }, 'certificate requests pending')
  }

  return {
    add(csr, pending) {
      waiting.push({ csr, pending })
      timer ??= clock.after(delayMs, flush)
    },
    close() {
      if (waiting.length > 0) flush()
    },
  }
}
