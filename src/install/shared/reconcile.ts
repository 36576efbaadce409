/**
 * Two versions of one record: the shared one, and ours with changes that were made while the shared store did not answer,
 * or that another appliance overtook. The result permits an installation only where the shared record does. Pure.
 */
import { declaredRest, type AttemptState, type Evidence, type State } from '../machine-state.ts'
import type { Moment } from '../../host/clock.ts'

/** Returns the shared record with what only ours shows: the progress of the same attempt, and evidence. */
export function reconcile(shared: State, ours: State): State {
  if (isBlank(shared)) return ours
  const isSame = isSameAttempt(shared.attempt, ours.attempt)
  const evidence = evidenceOf(shared.evidence, ours.evidence)
  const exchange = ours.exchange ?? shared.exchange
  const readySince = latest(shared.readySince, ours.readySince)
  const merged: State = {
    ...shared,
    ...(evidence !== undefined && { evidence }),
    ...(exchange !== undefined && { exchange }),
    ...(readySince !== undefined && { readySince }),
    ...(ours.others !== undefined && { others: { ...ours.others, ...shared.others } }),
    wasInstalled: shared.wasInstalled || (ours.wasInstalled && (isSame || shared.attempt === undefined)),
    ...(isSame && { attempt: progressOf(shared.attempt as AttemptState, ours.attempt as AttemptState) }),
  }
  if (isSame && shared.mode === 'installing') {
    if (ours.mode !== 'installed' && ours.mode !== 'failed' && ours.mode !== 'local') return merged
    return withMode(merged, ours)
  }
  // Evidence ends an arming by the site file, never one by an administrator.
  return merged.mode === 'install' && merged.armed === undefined
    ? withMode(merged, declaredRest(merged))
    : merged
}

/** A record that no appliance has changed since the site file declared the machine. */
function isBlank({ attempt, armed, evidence, wasInstalled, mode, since }: State): boolean {
  return (
    [attempt, armed, evidence].every((each) => each === undefined) &&
    !wasInstalled &&
    since === 0 &&
    mode !== 'local'
  )
}

function withMode(
  state: State,
  {
    mode,
    reason,
    code,
    since = state.since,
  }: Pick<State, 'mode' | 'reason' | 'code'> & { readonly since?: number },
): State {
  const next: State = { ...state, mode, reason, since }
  if (code !== undefined) return { ...next, code }
  Reflect.deleteProperty(next, 'code')
  return next
}

function isSameAttempt(a: AttemptState | undefined, b: AttemptState | undefined): boolean {
  return a !== undefined && b !== undefined && a.startedAt === b.startedAt && a.earlier === b.earlier
}

function progressOf(shared: AttemptState, ours: AttemptState): AttemptState {
  const { delivered = ours.delivered, probed = ours.probed, tried = ours.tried } = shared
  const { systemSeenAt = ours.systemSeenAt, writtenAt = ours.writtenAt, bootedAt = ours.bootedAt } = shared
  return {
    ...shared,
    requests: Math.max(shared.requests, ours.requests),
    reads: Math.max(shared.reads, ours.reads),
    ...(delivered !== undefined && { delivered }),
    ...(probed !== undefined && { probed }),
    ...(tried !== undefined && { tried }),
    ...(systemSeenAt !== undefined && { systemSeenAt }),
    ...(writtenAt !== undefined && { writtenAt }),
    ...(bootedAt !== undefined && { bootedAt }),
  }
}

/** A loss of our records says nothing about the shared one. */
function evidenceOf(shared: Evidence | undefined, ours: Evidence | undefined): Evidence | undefined {
  if (ours === undefined) return shared
  const merged = { ...ours }
  Reflect.deleteProperty(merged, 'notVouchedFor')
  const both = { ...merged, ...shared }
  return Object.keys(both).length === 0 ? undefined : both
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return Math.max(a, b)
}

/** Returns the record with all its moments changed, for example from the clock of another appliance to ours. */
export function withMoments(state: State, change: (moment: Moment) => Moment): State {
  const { armed, exchange, attempt } = state
  return {
    ...state,
    ...(armed && { armed: change(armed) }),
    ...(exchange && { exchange: change(exchange) }),
    ...(attempt && { attempt: attemptWithMoments(attempt, change) }),
  }
}

function attemptWithMoments(attempt: AttemptState, change: (moment: Moment) => Moment): AttemptState {
  const { issued, delivered, probed } = attempt
  return {
    ...attempt,
    issued: change(issued),
    ...(delivered && { delivered: change(delivered) }),
    ...(probed && { probed: change(probed) }),
  }
}
