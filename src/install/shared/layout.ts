/** The shared store: its keys, the values under them, and the merge of two versions of a record. Pure. */
import type { Moment } from '../../host/clock.ts'
import { declaredRest, without, type AttemptState, type Evidence, type State } from '../machine-state.ts'
import { modes } from '../node-states.ts'
import type { Kept } from '../store.ts'

/**
 * ```
 * PREFIX/id                           identifies the data
 * PREFIX/machines/MAC                 record of a machine; never expires
 * PREFIX/claims/MAC                   appliance that started an installation just now; expires
 * PREFIX/appliances/ID                appliance that is running, and its clock; expires
 * PREFIX/observations/ID/SEQUENCE     observations of an appliance, in pages; expire
 * ```
 */
export type Layout = {
  readonly id: string
  readonly machines: string
  readonly claims: string
  readonly appliances: string
  readonly observations: string
  /** Prefix of all of them. */
  readonly all: string
}

export function layoutOf(prefix: string): Layout {
  const all = `${prefix.replace(/\/+$/, '')}/`
  return {
    all,
    id: `${all}id`,
    machines: `${all}machines/`,
    claims: `${all}claims/`,
    appliances: `${all}appliances/`,
    observations: `${all}observations/`,
  }
}

/** A published record. `write` identifies the write, so that its result can be found after a lost answer. */
export type SharedRecord = { readonly write: string; readonly by: string; readonly state: State }

export type Presence = Pick<Moment, 'tick' | 'epoch'> & { readonly address: string }

export type ObservationPage = { readonly address: string; readonly kept: readonly Kept[] }

export function recordText(state: State, write: string, by: string): string {
  return JSON.stringify({ write, by, state: without(state, 'revision', 'isUnshared') } satisfies SharedRecord)
}

/** Returns a published record; a state of a newer version keeps the disk. @returns undefined if it is unreadable */
export function parseRecord(text: string): SharedRecord | undefined {
  const value = parseJson(text) as { write: string; by: string; state?: State } | undefined
  const state = value?.state
  if (value === undefined || typeof state?.mac !== 'string') return undefined
  if (modes.includes(state.mode)) return { ...value, state }
  const reason = `its record has the unknown state ${JSON.stringify(state.mode)}, perhaps written by a newer slipway`
  return { ...value, state: { ...state, mode: 'local', reason, code: 'state.unknown-mode' } }
}

export function parsePresence(text: string): Presence | undefined {
  return parseJson(text) as Presence | undefined
}

export function parsePage(text: string): ObservationPage | undefined {
  return parseJson(text) as ObservationPage | undefined
}

/** Only appliances with a certificate of the store write values. @returns undefined if the text is damaged */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Digits of equal number sort like numbers. */
export function pageKey({ observations }: Layout, id: string, sequence: number): string {
  return `${observations}${id}/${String(sequence).padStart(15, '0')}`
}

// Two versions of one record are merged: the shared one, and ours with changes from the time when the shared store did not
// answer, or that a change of another appliance superseded. The result permits an installation only where the shared
// record does.

/** Returns the shared record with what only the local record shows: the progress of the same attempt, and evidence. */
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

/** A loss of the local records does not affect the shared one. */
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
