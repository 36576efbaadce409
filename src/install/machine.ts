/**
 * The state machine of one machine's installation, pure. `decideBoot` decides what a network boot leads to; here the
 * decision and all other events become the next record. Every transition to `installing` goes through that decision.
 */
import type { InstallNode } from '../plan/install.ts'
import { elapsedMs, type Moment } from '../host/clock.ts'
import {
  diskTry,
  hasExchange,
  isRepeated,
  onExchange,
  withExchange,
  withoutExchange,
  declaredRest,
  initialState,
  without,
  type AttemptState,
  type BootEntry,
  type Evidence,
  type State,
} from './machine-state.ts'
import {
  factsOf,
  maxAttempts,
  rebootTimeoutMs,
  type BootEvent,
  decideBoot,
  type BootDecision,
} from './decide-boot.ts'
import type { DiskIdentity } from './decide-disk.ts'
import type { Mode } from './node-states.ts'
import type { CallbackStage, ClusterEvent } from './observation.ts'

export type Event =
  /** The site file, after a start or a reload. */
  | { readonly kind: 'declared'; readonly node: InstallNode }
  | BootEvent
  /** A file of the installation was requested; `isLast`: the last one that the installer needs will be sent. */
  | { readonly kind: 'request'; readonly isLast: boolean }
  | { readonly kind: 'read' }
  /** iPXE requested its address, or continues to request its script. */
  | { readonly kind: 'exchange'; readonly entry?: BootEntry }
  /** The machine sent its SMBIOS UUID. */
  | { readonly kind: 'uuid'; readonly uuid: string }
  /** A system requested or renewed its address. */
  | { readonly kind: 'system' }
  /** `isProof`: the token came from the Ignition file on the disk. */
  | { readonly kind: 'callback'; readonly stage: CallbackStage; readonly isProof: boolean }
  /** Result of the disk check. `holds`: what a disk that must be kept holds. `isLast`: the installer waited only for it. */
  | {
      readonly kind: 'disk'
      readonly holds?: string
      readonly isLast?: boolean
      readonly disk?: DiskIdentity
    }
  /** `since`: by the clock of the cluster, milliseconds since 1970. */
  | { readonly kind: 'cluster'; readonly word: ClusterEvent; readonly since?: number }
  | { readonly kind: 'command'; readonly command: 'install' | 'local' | 'menu' }
  | { readonly kind: 'time' }

const minuteMs = 60_000
/** An installation that an administrator requested starts within a day, or not at all. */
export const armedMs = 24 * 60 * minuteMs
/** The live system requests its address before it fetches the Ignition file, and not again later. */
export const settledMs = minuteMs
/** Allowed difference between our clock and that of a cluster. */
const clockMarginMs = minuteMs

export function advance(state: State, event: Event, now: Moment): State {
  const settled = settle(state, now)
  switch (event.kind) {
    case 'declared':
      return onDeclared(settled, event.node, now)
    case 'boot':
      return onBoot(settled, event, now)
    case 'command':
      return onCommand(settled, event.command, now)
    case 'callback':
      return onCallback(settled, event, now)
    case 'disk':
      return onDisk(settled, event, now)
    case 'exchange':
      return onExchange(settled, event.entry, now)
    case 'uuid':
      return settled.uuid === event.uuid ? settled : { ...settled, uuid: event.uuid }
    case 'system':
      return onSystem(withoutExchange(settled), now)
    case 'cluster':
      return onCluster(settled, event, now)
    case 'request':
      return onAttempt(settled, ({ requests, delivered }) => ({
        requests: requests + 1,
        ...(event.isLast && { delivered: delivered ?? now }),
      }))
    case 'read':
      return onAttempt(settled, ({ reads, delivered }) => ({ reads: reads + 1, delivered: delivered ?? now }))
    case 'time':
      return settled
  }
}

/** Returns what a network boot leads to now, without an effect. */
export function decide(state: State, boot: BootEvent, now: Moment): BootDecision {
  return decideBoot(factsOf(settle(state, now), boot, now))
}

function onBoot(state: State, boot: BootEvent, now: Moment): State {
  const { attempt } = state
  const decision = decide(state, boot, now)
  switch (decision.kind) {
    case 'start':
      return start(state, boot, now)
    case 'resume':
      return attempt === undefined ? state : resume(state, attempt, boot, now)
    case 'try-disk':
      if (isRepeated(state, now)) return withoutExchange(state)
      return withoutExchange(onAttempt(state, (current) => diskTry(current, state.entry, now)))
    case 'keep-disk':
      return installed(
        state,
        `it kept running from its disk for more than ${rebootTimeoutMs / minuteMs} minutes`,
        now,
      )
    case 'menu-again':
      return move(withoutToken(state), 'menu', 'it returned before it fetched its Ignition file', now)
    case 'fail':
      return attempt === undefined ? state : fail(state, attempt, now)
    case 'disk':
      return withoutExchange(state)
    case 'menu':
    case 'failed':
    case 'wait':
      return state.exchange === undefined || !hasExchange(state, now) ? state : withExchange(state, now)
  }
}

function onDeclared(state: State, node: InstallNode, now: Moment): State {
  const { declared, role, key } = node
  if (state.mac !== node.mac) return initialState(node)
  const isSame = state.declared === declared
  if (isSame && state.role === role && state.node === key) return state
  const next: State = { ...state, declared, role, node: key }
  if (isSame) return next
  if (declared !== 'install') return toDeclaredRest(withoutToken(next), now)
  return state.mode === 'local' || state.mode === 'menu' ? toDeclaredRest(next, now) : next
}

function onCommand(state: State, command: 'install' | 'local' | 'menu', now: Moment): State {
  const next = withoutToken(state)
  if (command !== 'install') return move(next, command, 'set by an administrator', now)
  const { mode, reason, code } = state
  const before = state.before ?? {
    mode: mode === 'installing' ? 'failed' : mode,
    reason,
    ...(code && { code }),
  }
  return { ...move(next, 'install', 'armed by an administrator', now), armed: now, before }
}

function onCallback(
  state: State,
  { stage, isProof }: Extract<Event, { kind: 'callback' }>,
  now: Moment,
): State {
  if (state.attempt === undefined) return state
  const attempt = {
    ...state.attempt,
    ...(stage === 'written' && { writtenAt: now.at }),
    // A system that starts from the disk proves that the disk is written, even if that report was lost.
    ...(stage === 'started' && isProof && { writtenAt: state.attempt.writtenAt ?? now.at, bootedAt: now.at }),
  }
  const next = withoutExchange({ ...state, attempt })
  if (state.mode !== 'installing' && state.mode !== 'failed') return next
  switch (stage) {
    case 'written':
      return installed(next, 'its installer reported that the disk is written', now)
    case 'started':
      return installed(next, 'its installed system reported that it started', now)
    case 'failed':
      return move(next, 'failed', 'its installer reported that it failed: its console shows the cause', now)
  }
}

type DiskEvent = Extract<Event, { kind: 'disk' }>

/** A disk that holds data is kept, and the machine boots it, until an administrator arms the machine or empties the disk. */
function onDisk(state: State, { holds, isLast = false, disk }: DiskEvent, now: Moment): State {
  const { mode, code, evidence } = state
  if (holds !== undefined) {
    if (mode !== 'installing') return state
    return toDeclaredRest({ ...state, evidence: { ...evidence, diskHolds: holds } }, now)
  }
  const clear = ({ delivered = now }: AttemptState) => ({
    isDiskClear: true,
    ...(disk !== undefined && { clearedDisk: disk }),
    ...(isLast && { delivered }),
  })
  if (mode === 'installing') return onAttempt(state, clear)
  if (mode !== 'local' || code !== 'install.disk-not-empty' || evidence === undefined) return state
  const rest = { ...evidence }
  Reflect.deleteProperty(rest, 'diskHolds')
  const next = move({ ...state, evidence: rest }, 'installing', 'its disk is empty now', now)
  return onAttempt(next, clear)
}

/** A DHCP message never ends an installation: it only keeps the disk. */
function onSystem(state: State, now: Moment): State {
  const { mode, attempt, armed, evidence } = state
  if (mode === 'installing' && attempt?.delivered !== undefined) {
    const elapsed = elapsedMs(attempt.delivered, now)
    const isLiveSystem = attempt.probed === undefined && elapsed !== undefined && elapsed < settledMs
    return isLiveSystem || attempt.systemSeenAt !== undefined
      ? state
      : onAttempt(state, () => ({ systemSeenAt: now.at }))
  }
  if (attempt !== undefined || evidence?.foreignSystemAt !== undefined || state.wasInstalled) return state
  return withEvidence(state, { foreignSystemAt: now.at }, now, armed !== undefined)
}

function onCluster(state: State, { word, since }: Extract<Event, { kind: 'cluster' }>, now: Moment): State {
  if (word === 'removed' || word === 'assisted' || word === 'assisted-failed') return state
  const { mode, attempt } = state
  const known: State = word === 'ready' && since !== undefined ? { ...state, readySince: since } : state
  if (mode !== 'installing' || attempt?.delivered === undefined) {
    return known.evidence?.inClusterAt === undefined
      ? withEvidence(known, { inClusterAt: now.at }, now, known.armed !== undefined)
      : known
  }
  if (word === 'not-ready') return known
  if (word === 'ready' && since !== undefined && isNewReady(attempt, attempt.delivered, since)) {
    return installed(known, 'the cluster reports it as Ready', now)
  }
  if (word === 'assisted-installed') {
    // A report from before this attempt is about the system that is being replaced.
    return since !== undefined && since > attempt.delivered.at + clockMarginMs
      ? installed(known, 'the assisted service reports it as installed', now)
      : known
  }
  // An earlier Ready condition, or an approval, may belong to the system that is being replaced.
  return word === 'ready'
    ? known
    : onAttempt(known, ({ systemSeenAt }) => ({ systemSeenAt: systemSeenAt ?? now.at }))
}

/** Compares two times of the cluster if possible; otherwise its clock with ours, with a margin. */
function isNewReady({ readyBefore }: AttemptState, delivered: Moment, since: number): boolean {
  return readyBefore === undefined ? since > delivered.at + clockMarginMs : since > readyBefore
}

/** Adds evidence, and disarms the machine unless an administrator armed it. */
function withEvidence(state: State, added: Evidence, now: Moment, isArmed: boolean): State {
  const next = { ...state, evidence: { ...state.evidence, ...added } }
  return state.mode === 'install' && !isArmed ? toDeclaredRest(next, now) : next
}

function onAttempt(state: State, change: (attempt: AttemptState) => Partial<AttemptState>): State {
  const { mode, attempt } = state
  if (mode !== 'installing' || attempt === undefined) return state
  return { ...state, attempt: { ...attempt, ...change(attempt) } }
}

/** Ends an arming that has expired, or whose time is not known. */
function settle(state: State, now: Moment): State {
  const { armed, before } = state
  if (armed === undefined || before === undefined) return state
  const elapsed = elapsedMs(armed, now)
  if (elapsed !== undefined && elapsed < armedMs) return state
  return move(
    state,
    before.mode,
    `it did not boot while it was armed; before: ${before.reason}`,
    now,
    before.code,
  )
}

/**
 * Starts an attempt without the earlier evidence: an administrator, or the complete records, permitted the installation
 * in spite of it.
 */
function start(state: State, boot: BootEvent, now: Moment): State {
  const { isChosen } = boot
  const startedBy = isChosen ? 'menu' : state.armed === undefined ? 'site' : 'administrator'
  const reason = isChosen ? 'selected in its boot menu' : 'its network boot started the installation'
  return begin(without(state, 'evidence'), boot, { startedBy, earlier: 0 }, reason, now)
}

function resume(state: State, attempt: AttemptState, boot: BootEvent, now: Moment): State {
  const { startedBy, earlier, clearedDisk } = attempt
  // An attempt of a version without a disk check may have written to the disk once it had its last file.
  const isDiskClear = attempt.isDiskClear ?? attempt.delivered !== undefined
  const next = begin(state, boot, { startedBy, earlier: earlier + 1 }, whyAgain(attempt), now)
  if (!isDiskClear) return next
  return onAttempt(next, () => ({ isDiskClear, ...(clearedDisk !== undefined && { clearedDisk }) }))
}

function fail(state: State, attempt: AttemptState, now: Moment): State {
  const elapsed = elapsedMs(attempt.issued, now) ?? 0
  const minutes = Math.max(1, Math.round(elapsed / minuteMs))
  const reason = `${maxAttempts} attempts failed, the last ${minutes} min after its start: ${whyAgain(attempt)}`
  return move(withoutToken(state), 'failed', reason, now)
}

function whyAgain({ delivered }: AttemptState): string {
  return delivered === undefined ? 'it returned before it fetched its Ignition file' : 'its disk did not boot'
}

function begin(
  state: State,
  { role, tokenHash, startedHash }: BootEvent,
  { startedBy, earlier }: Pick<AttemptState, 'startedBy' | 'earlier'>,
  reason: string,
  now: Moment,
): State {
  const { readySince } = state
  const attempt: AttemptState = {
    role,
    startedAt: now.at,
    earlier,
    startedBy,
    tokenHash,
    issued: now,
    requests: 0,
    reads: 0,
    ...(startedHash !== undefined && { startedHash }),
    ...(readySince !== undefined && { readyBefore: readySince }),
  }
  return { ...move(state, 'installing', reason, now), wasInstalled: false, attempt }
}

/** The token stays valid for later callbacks; files are no longer sent for it. */
function installed(state: State, reason: string, now: Moment): State {
  return { ...move(withoutExchange(state), 'installed', reason, now), wasInstalled: true }
}

/** Revokes the token: the attempt in progress has no more effect. */
function withoutToken(state: State): State {
  return state.attempt === undefined
    ? state
    : { ...state, attempt: { ...state.attempt, tokenHash: '', startedHash: '' } }
}

function toDeclaredRest(state: State, now: Moment): State {
  const { mode, reason, code } = declaredRest(state)
  return move(state, mode, reason, now, code)
}

function move(state: State, mode: Mode, reason: string, now: Moment, code?: State['code']): State {
  const rest = without(state, 'armed', 'before', 'code')
  return { ...rest, mode, since: now.at, reason, ...(code !== undefined && { code }) }
}
