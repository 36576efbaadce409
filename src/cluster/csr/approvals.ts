/**
 * Approves one request after the other. Each is evaluated again with what the cluster reports at that moment, and the
 * approval is sent with the version that was evaluated. If another client changed the request, it is read and evaluated
 * again. What fails is tried again later.
 */
import { type Clock, isAborted, pause } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import {
  apiPaths,
  timeOf,
  type NodeObject,
  type PendingRequest,
  clientSigner,
  isForKubelet,
  withApproval,
  type Csr,
} from '../objects.ts'
import type { ClusterCode } from '../codes.ts'
import { ApiProblem } from '../connection/errors.ts'
import type { ClusterSession, Held } from '../session.ts'
import type { Pending, PolicyContext, PolicyDecision } from './policy.ts'

export type ApprovalsOptions = {
  readonly cluster: string
  readonly session: Pick<ClusterSession, 'get' | 'put'>
  readonly isDryRun: boolean
  readonly held: Pick<Held<PendingRequest>, 'get' | 'set' | 'remove'>
  readonly evaluate: (csr: Csr, existingNodes: PolicyContext['existingNodes']) => PolicyDecision
  /** Records why a request stays pending. */
  readonly onPending: (csr: Csr, pending: Pending) => void
  readonly onApproved: (approval: ApprovedCsr) => void
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  readonly signal: AbortSignal
}

/** `node` is its key. */
export type ApprovedCsr = { readonly node: string; readonly signer: string; readonly name: string }

export type Approvals = {
  /** Adds a request by its name; adding it again has no effect. */
  add(name: string): void
  /**
   * Approves a request for an administrator, whatever the policy decides.
   *
   * @param by the user
   * @returns undefined for a request that is not pending
   */
  approveFor(by: string, name: string): Promise<ManualApproval | undefined>
}

export type ManualApproval =
  | { readonly kind: 'approved' }
  | { readonly kind: 'refused'; readonly code: ClusterCode; readonly reason: string }

/** 20 per second, which is little load for an API server when many nodes join together. */
const betweenMs = 50

const firstDelayMs = 500
const maxDelayMs = 30_000

export function createApprovals(options: ApprovalsOptions): Approvals {
  const { cluster, session, isDryRun, held, evaluate, onPending, onApproved, clock, log, counters, signal } =
    options
  const waiting = new Set<string>()
  let isWorking = false

  async function work(): Promise<void> {
    let failures = 0
    for (let [name] = waiting; name !== undefined && !isAborted(signal); [name] = waiting) {
      waiting.delete(name)
      const request = held.get(name)
      const outcome = request === undefined ? 'done' : await attempt(request)
      failures = outcome === 'later' ? failures + 1 : 0
      // After the others, because the approval of the others may succeed.
      if (outcome === 'later') waiting.add(name)
      await pause(clock, failures === 0 ? betweenMs : delayMs(failures), signal)
    }
    isWorking = false
  }

  async function attempt(request: PendingRequest): Promise<'done' | 'later'> {
    const { csr } = request
    try {
      await approve(request)
      return 'done'
    } catch (error) {
      if (isAborted(signal)) return 'done'
      if (isNotFound(error)) {
        held.remove(csr.name)
        return 'done'
      }
      if (error instanceof ApiProblem && error.status === 409) {
        counters.increment('csr.conflicts')
        return readAgain(csr.name)
      }
      counters.increment('csr.failures')
      const reason = `the policy approves it, but the approval failed: ${(error as Error).message}`
      onPending(csr, { kind: 'pending', code: 'csr.approval-failed', reason })
      return isPermanent(error) ? 'done' : 'later'
    }
  }

  async function approve({ csr, object }: PendingRequest): Promise<void> {
    let decision = evaluate(csr, new Map())
    if (decision.kind === 'approve' && csr.signerName === clientSigner) {
      decision = evaluate(csr, await existing(decision.names))
    }
    if (decision.kind === 'pending') {
      onPending(csr, decision)
      return
    }
    const { node, why } = decision
    if (isDryRun) {
      const reason = `dry run (approve: dry-run); the policy would approve it: ${why}`
      onPending(csr, { kind: 'pending', code: 'csr.dry-run', reason })
      return
    }
    await put({ csr, object }, 'DeclaredNode', `approved by slipway: ${why}`)
    log.info(
      { cluster, node, csr: csr.name, signer: csr.signerName, reason: why },
      'certificate request approved',
    )
    onApproved({ node, signer: csr.signerName, name: csr.name })
  }

  async function put({ csr, object }: PendingRequest, reason: string, message: string): Promise<void> {
    const path = `${apiPaths.signingRequests}/${encodeURIComponent(csr.name)}/approval`
    await session.put(path, withApproval(object, { reason, message }, clock.now()), signal)
    held.remove(csr.name)
    counters.increment('csr.approved')
  }

  async function approveFor(by: string, name: string): Promise<ManualApproval | undefined> {
    const request = held.get(name)
    if (request === undefined) return undefined
    const { csr } = request
    const { signerName: signer, username: requestor } = csr
    if (!isForKubelet(csr)) {
      const reason = `slipway approves only certificates of kubelets, not of ${signer}: run oc adm certificate approve ${name}`
      return { kind: 'refused', code: 'csr.other-signer', reason }
    }
    try {
      await put(request, 'ApprovedByAdministrator', `approved by ${by} with slipway`)
    } catch (error) {
      if (isNotFound(error)) {
        held.remove(name)
        return undefined
      }
      if (error instanceof ApiProblem && error.status === 409) await readAgain(name)
      counters.increment('csr.failures')
      const reason = `the approval of ${name} failed: ${(error as Error).message}`
      return { kind: 'refused', code: 'csr.approval-failed', reason }
    }
    log.info(
      { cluster, csr: name, signer, requestor, user: by },
      'certificate request approved by an administrator',
    )
    return { kind: 'approved' }
  }

  /** Returns when each of a node's names was created as a Node, in milliseconds since 1970. */
  async function existing(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>()
    for (const name of names) {
      try {
        const node = await session.get<NodeObject>(`${apiPaths.nodes}/${encodeURIComponent(name)}`, signal)
        // Without a time, assume that it was created after the boot.
        found.set(name, timeOf(node.metadata?.creationTimestamp) ?? Infinity)
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
    }
    return found
  }

  async function readAgain(name: string): Promise<'done' | 'later'> {
    try {
      const path = `${apiPaths.signingRequests}/${encodeURIComponent(name)}`
      const object = await session.get<{ readonly metadata?: { readonly name?: unknown } }>(path, signal)
      if (object.metadata?.name === name) held.set(object)
      else held.remove(name)
    } catch (error) {
      if (isNotFound(error)) held.remove(name)
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
    approveFor,
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof ApiProblem && error.status === 404
}

/** Whether the same request would fail again. It is tried again when the request is evaluated again. */
function isPermanent(error: unknown): boolean {
  return error instanceof ApiProblem && error.status !== 429 && error.status < 500
}

function delayMs(failures: number): number {
  return Math.min(maxDelayMs, firstDelayMs * 2 ** (failures - 1))
}
