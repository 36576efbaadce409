/**
 * Follows a cluster's certificate requests and approves those of its declared nodes (decision 0026). What is
 * not approved stays as it is, with a reason for people; nothing is ever denied.
 */
import type { Clock, Timer } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Approval } from '../../site/schema.ts'
import type { ClusterApi } from '../connection/client.ts'
import type { Troubles } from '../troubles.ts'
import { createApprovals, type ApprovedCsr } from './approvals.ts'
import { holdCsrs, type HeldCsr } from './held.ts'
import { readCsr, type Csr } from './object.ts'
import { csrsPath } from './path.ts'
import { isFlood, judgeCsr, type Circumstances, type CsrNode, type Sighting, type Verdict } from './policy.ts'

export type ApproverOptions = {
  /** The cluster's name in the site. */
  readonly cluster: string
  readonly api: ClusterApi
  /** Only says what it would approve. */
  readonly isDryRun: boolean
  /** Those declared now: asked anew each time. */
  readonly nodes: () => readonly CsrNode[]
  /** @param node its key */
  readonly seen: (node: string) => Sighting | undefined
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  readonly troubles: Troubles
  /** Called after each approval. */
  readonly onApproved: (approval: ApprovedCsr) => void
  /** How many that were, also before a reload. */
  readonly approved: () => number
}

/** An undecided request and why it is left. Plain data, as the local API gives it. */
export type PendingCsr = {
  readonly name: string
  /** Milliseconds since 1970; 0 when nothing says so. */
  readonly createdAt: number
  readonly signer: string
  /** Who asks, as the cluster knows him. */
  readonly username: string
  /** A sentence. */
  readonly reason: string
}

export type PendingCsrs = {
  readonly cluster: string
  readonly approve: Exclude<Approval, 'off'>
  /** Why nothing is heard of the cluster: a sentence. */
  readonly trouble?: string
  /** Since the start. */
  readonly approved: number
  /** Oldest first. */
  readonly requests: readonly PendingCsr[]
}

export type Approver = {
  pending(): PendingCsrs
  /** Judges anew what is left: a node was seen booting, or others are declared. */
  reconsider(): void
  close(): void
}

/** Nodes that were deleted are only found by asking. */
const reconsiderMs = 30_000

/** Requests that are looked at beyond one for each node. */
const spare = 1000

const hourMs = 3_600_000

export function createApprover(options: ApproverOptions): Approver {
  const { cluster, api, isDryRun, nodes, seen, clock, log, counters, onApproved } = options
  const end = new AbortController()
  const held = holdCsrs(() => nodes().length + spare)
  const trouble = options.troubles(cluster, 'approver')
  let isFlooded = false
  let timer: Timer

  const verdictOf = (csr: Csr, existingNodes: Circumstances['existingNodes']): Verdict =>
    isFlooded ? floodVerdict : judgeCsr(csr, { nodes: nodes(), seen, now: clock.now(), existingNodes })

  const approvals = createApprovals({
    ...{ cluster, api, isDryRun, clock, log, counters, held, signal: end.signal, onApproved },
    judge: verdictOf,
    leave,
  })

  /** @returns whether it is to be judged */
  function take(object: unknown): HeldCsr | undefined {
    const csr = readCsr(object)
    if (csr === undefined) {
      counters.increment('csr.malformed')
      return undefined
    }
    if (!csr.isSettled) return held.keep(object, csr)
    held.drop(csr.name)
    return undefined
  }

  function judge(each: HeldCsr): void {
    // Which nodes there are is asked when nothing else is against it.
    const verdict = verdictOf(each.csr, new Map())
    if (verdict.kind === 'leave') leave(each, verdict.reason)
    else approvals.add(each.csr.name)
  }

  /** Said once for each request and reason. */
  function leave(each: HeldCsr, reason: string): void {
    if (each.reason === reason) return
    each.reason = reason
    counters.increment('csr.left')
    const { name, signerName, username } = each.csr
    log.info(
      { cluster, csr: name, signer: signerName, requestor: username, reason },
      'certificate request left',
    )
  }

  /** Before anything is judged, so that what somebody makes up by the thousand costs nothing. */
  function lookForFlood(): void {
    const since = clock.now() - hourMs
    const recent = held.ofKubelets().filter(({ csr }) => csr.createdAt >= since).length
    const was = isFlooded
    isFlooded = isFlood(recent, nodes().length)
    if (isFlooded === was) return
    if (isFlooded) counters.increment('csr.floods')
    const facts = { cluster, pending: recent, nodes: nodes().length }
    if (isFlooded) log.warn(facts, 'too many certificate requests: none is approved')
    else log.info(facts, 'certificate requests are judged again')
    reconsider()
  }

  function reconsider(): void {
    for (const each of held.all()) judge(each)
  }

  function tick(): void {
    lookForFlood()
    reconsider()
    timer = clock.after(reconsiderMs, tick)
  }

  timer = clock.after(reconsiderMs, tick)
  void api.follow<unknown>(
    csrsPath,
    {
      onList(items) {
        const taken = items.map(take).filter((each) => each !== undefined)
        held.retain(new Set(taken.map(({ csr }) => csr.name)))
        lookForFlood()
        reconsider()
      },
      onEvent(type, item) {
        const name = readCsr(item)?.name
        const each = type === 'DELETED' ? undefined : take(item)
        if (type === 'DELETED' && name !== undefined) held.drop(name)
        lookForFlood()
        if (each !== undefined) judge(each)
      },
      onOutage(sentence) {
        counters.increment('csr.troubles')
        trouble.say(sentence)
      },
      onReachable: () => trouble.end(),
      onRollback: () => {},
    },
    end.signal,
  )

  function pending(): PendingCsrs {
    const sentence = trouble.sentence()
    return {
      ...{ cluster, approve: isDryRun ? 'dry-run' : 'declared', approved: options.approved() },
      ...(sentence === undefined ? {} : { trouble: sentence }),
      requests: held
        .all()
        .map(({ csr, reason }) => ({
          name: csr.name,
          createdAt: Number.isNaN(csr.createdAt) ? 0 : csr.createdAt,
          signer: csr.signerName,
          username: csr.username,
          reason: reason ?? 'it is being approved',
        }))
        .sort((a, b) => a.createdAt - b.createdAt),
    }
  }

  return {
    pending,
    reconsider,
    close() {
      end.abort()
      timer.cancel()
      trouble.drop()
    },
  }
}

const floodVerdict: Verdict = {
  kind: 'leave',
  reason:
    'too many ask at once, more than a request for each declared node and 100; none is approved until fewer are pending',
}
