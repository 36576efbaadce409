/**
 * Approves one request after the other: each is judged with what the cluster says at that moment, put on `/approval`
 * with the version that was judged, and judged anew when somebody else changed it. What fails comes again, later.
 */
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import { ApiProblem } from '../connection/errors.ts'
import type { ClusterApi } from '../connection/client.ts'
import { pause } from '../../host/pause.ts'
import type { HeldCsr, HeldCsrs } from './held.ts'
import { approved, readCsr, type Csr } from './object.ts'
import { csrsPath } from './path.ts'
import { clientSigner, type Circumstances, type Verdict } from './policy.ts'

export type ApprovalsOptions = {
  readonly cluster: string
  readonly api: ClusterApi
  readonly isDryRun: boolean
  readonly held: HeldCsrs
  readonly judge: (csr: Csr, existingNodes: Circumstances['existingNodes']) => Verdict
  /** Takes note of why a request is left. */
  readonly leave: (held: HeldCsr, reason: string) => void
  readonly onApproved: (approval: ApprovedCsr) => void
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  readonly signal: AbortSignal
}

/** `node`: its key. */
export type ApprovedCsr = { readonly node: string; readonly signer: string; readonly name: string }

export type Approvals = {
  /** Once each, however often it is added. */
  add(name: string): void
}

/** Twenty a second: a rack that joins at once is no burden for an API server. */
const betweenMs = 50

const firstDelayMs = 500
const longestDelayMs = 30_000

export function createApprovals(options: ApprovalsOptions): Approvals {
  const { cluster, api, isDryRun, held, judge, leave, onApproved, clock, log, counters, signal } = options
  const waiting = new Set<string>()
  let isWorking = false

  async function work(): Promise<void> {
    let failures = 0
    for (let [name] = waiting; name !== undefined && !isOver(signal); [name] = waiting) {
      waiting.delete(name)
      const each = held.get(name)
      const outcome = each === undefined ? 'done' : await attempt(each)
      failures = outcome === 'later' ? failures + 1 : 0
      // Behind the others: what the cluster cannot do for one, it may do for them.
      if (outcome === 'later') waiting.add(name)
      await pause(clock, failures === 0 ? betweenMs : delayMs(failures), signal)
    }
    isWorking = false
  }

  async function attempt(each: HeldCsr): Promise<'done' | 'later'> {
    try {
      await approve(each)
      return 'done'
    } catch (error) {
      if (isOver(signal)) return 'done'
      const { name } = each.csr
      if (error instanceof ApiProblem && error.status === 404) {
        held.drop(name)
        return 'done'
      }
      if (error instanceof ApiProblem && error.status === 409) {
        counters.increment('csr.conflicts')
        return readAgain(name)
      }
      const { message } = error as Error
      counters.increment('csr.failures')
      leave(each, `it is to be approved, but the cluster does not let it: ${message}`)
      return isLasting(error) ? 'done' : 'later'
    }
  }

  async function approve(each: HeldCsr): Promise<void> {
    const { csr, object } = each
    let verdict = judge(csr, new Map())
    if (verdict.kind === 'approve' && csr.signerName === clientSigner) {
      verdict = judge(csr, await existing(verdict.names))
    }
    if (verdict.kind === 'leave') {
      leave(each, verdict.reason)
      return
    }
    const { node, why } = verdict
    if (isDryRun) {
      leave(each, `only a dry run (approve: dry-run), else it would be approved: ${why}`)
      return
    }
    const path = `${csrsPath}/${encodeURIComponent(csr.name)}/approval`
    const message = `slipway approved this: ${why}`
    await api.put(path, approved(object, message, clock.now()), signal)
    held.drop(csr.name)
    counters.increment('csr.approved')
    log.info(
      { cluster, node, csr: csr.name, signer: csr.signerName, reason: why },
      'certificate request approved',
    )
    onApproved({ node, signer: csr.signerName, name: csr.name })
  }

  /** Which of a node's names the cluster has a Node for. */
  async function existing(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>()
    for (const name of names) {
      try {
        const { metadata } = await api.get<NodeObject>(`/api/v1/nodes/${encodeURIComponent(name)}`, signal)
        const madeAt = Date.parse(metadata?.creationTimestamp ?? '')
        // Without a time it was made after whatever was seen.
        found.set(name, Number.isNaN(madeAt) ? Infinity : madeAt)
      } catch (error) {
        if (!(error instanceof ApiProblem && error.status === 404)) throw error
      }
    }
    return found
  }

  /** Another one changed it: what it is now is judged, not what it was. */
  async function readAgain(name: string): Promise<'done' | 'later'> {
    try {
      const object = await api.get<unknown>(`${csrsPath}/${encodeURIComponent(name)}`, signal)
      const csr = readCsr(object)
      if (csr === undefined || csr.isSettled) held.drop(name)
      else held.keep(object, csr)
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 404) held.drop(name)
    }
    return held.get(name) === undefined ? 'done' : 'later'
  }

  return {
    add(name) {
      waiting.add(name)
      if (isWorking) return
      isWorking = true
      void work()
    },
  }
}

type NodeObject = { readonly metadata?: { readonly creationTimestamp?: string } }

/** A refusal that the same question will meet again; until it is judged anew, in a while. */
function isLasting(error: unknown): boolean {
  return error instanceof ApiProblem && error.status !== 429 && error.status < 500
}

function delayMs(failures: number): number {
  return Math.min(longestDelayMs, firstDelayMs * 2 ** (failures - 1))
}

/** Asked anew after each wait: the compiler believes that a signal once seen stays as it was. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted
}
