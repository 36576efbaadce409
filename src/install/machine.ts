/**
 * A node's way through its installation as a state machine, pure: what was seen of it, and what people want of
 * it, moves it from one mode to the next. The rule above all others: a disk that may hold an installed system is
 * written again only when a person says so, or when it was tried and did not boot.
 */
import type { IgnitionKind } from '../plan/facts.ts'
import type { InstallNode } from '../plan/install.ts'
import type { Attempt } from './installs.ts'
import type { Mode } from './node-states.ts'
import type { CallbackStage } from './observation.ts'

export type AttemptState = Attempt & {
  readonly begunBy: 'arming' | 'menu'
  /** SHA-256 in hexadecimal: the token itself is known to the node alone. Empty once it is worth nothing. */
  readonly tokenHash: string
  /** Until when its Ignition file may be read. */
  readonly readableUntil: number
  /** How often a file of its was asked for, and how often the Ignition file for its disk was sent whole. */
  readonly requests: number
  readonly reads: number
  /** When the last thing that its installer needs was sent: from then on its disk may be written. */
  readonly deliveredAt?: number
  /** When it was sent to its disk, to see whether that boots. */
  readonly probedAt?: number
}

/** What is kept of a node: plain data. */
export type State = {
  /** Of the machine and of the site file when this was written, to see what changes in them. */
  readonly mac: string
  readonly declared: InstallNode['declared']
  /** Absent in what was written before this was kept. */
  readonly role?: IgnitionKind
  readonly mode: Mode
  readonly since: number
  readonly reason: string
  /** Armed by a person until then; it goes back to `before` when nobody boots it. */
  readonly armedUntil?: number
  readonly before?: Pick<State, 'mode' | 'reason'>
  readonly attempt?: AttemptState
  /** Its last installation ended well: `boot: install` in the site file does not begin another. */
  readonly wasInstalled: boolean
}

export type Event =
  /** The site file, read at the start and anew. */
  | { readonly kind: 'declared'; readonly node: InstallNode }
  /** A network boot that nothing holds back; `role` was chosen in the menu. */
  | {
      readonly kind: 'boot'
      readonly role: IgnitionKind
      readonly isChosen: boolean
      readonly tokenHash: string
    }
  | { readonly kind: 'asked' }
  | { readonly kind: 'read' }
  /** Everything that its installer needs was sent whole. */
  | { readonly kind: 'delivered' }
  /** A kernel got an address that it did not have before. */
  | { readonly kind: 'system' }
  | { readonly kind: 'callback'; readonly stage: CallbackStage }
  /** Its cluster says that it is Ready. `since`: by another clock, milliseconds since 1970. */
  | { readonly kind: 'ready'; readonly since: number }
  | { readonly kind: 'command'; readonly command: 'install' | 'local' | 'menu' }
  | { readonly kind: 'time' }

const minuteMs = 60_000
/** An installation that a person asked for begins within a day, or not by surprise. */
export const armedMs = 24 * 60 * minuteMs
/** Kernel, initramfs and rootfs over a slow line come before the Ignition file. */
export const tokenLifetimeMs = 60 * minuteMs
/** The live system asks for its address before it fetches the Ignition file; nothing of it does so later. */
export const settledMs = minuteMs
/** A disk that does not boot hands back to the firmware in seconds; some machines then test their memory again. */
export const rebootTimeoutMs = 10 * minuteMs
export const maxAttempts = 5

/** A machine that nothing is known of: as the site declares it. */
export function begin({ mac, declared, role }: InstallNode): State {
  const reason = declaredReason(declared)
  return { mac, declared, role, mode: declared, since: 0, reason, wasInstalled: false }
}

export function advance(state: State, event: Event, now: number): State {
  const settled = settle(state, now)
  switch (event.kind) {
    case 'declared':
      return onDeclared(settled, event.node, now)
    case 'boot':
      return onBoot(settled, event, now)
    case 'command':
      return onCommand(settled, event.command, now)
    case 'callback':
      return onCallback(settled, event.stage, now)
    case 'system':
      return onSystem(settled, now)
    case 'ready':
      return onReady(settled, event.since, now)
    case 'delivered':
      return onAttempt(settled, (attempt) => ({ deliveredAt: attempt.deliveredAt ?? now }))
    case 'asked':
      return onAttempt(settled, ({ requests }) => ({ requests: requests + 1 }))
    case 'read':
      return onAttempt(settled, ({ reads }) => ({ reads: reads + 1 }))
    case 'time':
      return settled
  }
}

/** The table: what a network boot means in each mode. */
function onBoot(state: State, boot: Extract<Event, { kind: 'boot' }>, now: number): State {
  const { mode, attempt } = state
  switch (mode) {
    case 'install':
      return start(state, boot, 'arming', 0, 'its network boot began the installation', now)
    case 'menu':
      return boot.isChosen
        ? start(state, boot, 'menu', 0, 'a person chose the installation in its menu', now)
        : state
    case 'installed':
    case 'local':
    case 'failed':
      return state
    case 'installing':
      return attempt === undefined ? state : onReturn(state, attempt, boot, now)
  }
}

/** It boots from the network again before it was seen to end its installation. */
function onReturn(
  state: State,
  attempt: AttemptState,
  boot: Extract<Event, { kind: 'boot' }>,
  now: number,
): State {
  if (attempt.deliveredAt === undefined) {
    // Who chose in the menu may choose again: nothing was written.
    if (attempt.begunBy === 'menu' && !boot.isChosen) {
      return move(withoutToken(state), 'menu', 'it came back before it had fetched its Ignition file', now)
    }
    return again(state, attempt, boot, 'it came back before it had fetched its Ignition file', now)
  }
  // Its disk is written and its word was lost, or its power was cut while it was written. The installer writes the
  // disk's first MiB last (coreos-installer, write_image), so half a system does not boot: the disk itself tells.
  if (attempt.probedAt === undefined) return { ...state, attempt: { ...attempt, probedAt: now } }
  if (now - attempt.probedAt <= rebootTimeoutMs)
    return again(state, attempt, boot, 'its disk did not boot', now)
  return installed(state, `its disk kept it for more than ${rebootTimeoutMs / minuteMs} minutes`, now)
}

function onDeclared(state: State, node: InstallNode, now: number): State {
  // What a bootstrap had on its disk is of no use to anybody: its machine begins anew as what the site says now.
  const isBootstrapNoMore = state.role === 'bootstrap' && node.role !== 'bootstrap'
  if (state.mac !== node.mac || isBootstrapNoMore) return begin(node)
  const { declared, role } = node
  if (state.declared === declared) return state.role === role ? state : { ...state, role }
  const next = { ...state, declared, role }
  if (declared !== 'install') return move(withoutToken(next), declared, declaredReason(declared), now)
  if (state.mode !== 'local' && state.mode !== 'menu') return next
  return state.wasInstalled
    ? move(next, 'installed', 'the site file says install, which it was already', now)
    : move(next, 'install', declaredReason(declared), now)
}

function onCommand(state: State, command: 'install' | 'local' | 'menu', now: number): State {
  const next = withoutToken(state)
  if (command !== 'install') return move(next, command, 'a person said so', now)
  const { mode, reason } = state
  const before = state.before ?? { mode: mode === 'installing' ? 'failed' : mode, reason }
  return { ...move(next, 'install', 'a person said so', now), armedUntil: now + armedMs, before }
}

function onCallback(state: State, stage: CallbackStage, now: number): State {
  if (state.mode !== 'installing' && state.mode !== 'failed') return state
  switch (stage) {
    case 'written':
      return installed(state, 'its installer reported that the disk is written', now)
    case 'started':
      return installed(state, 'its installed system reported that it started', now)
    case 'failed':
      return move(state, 'failed', 'its installer reported that it gave up: its console says why', now)
  }
}

/** A live system's own DHCP comes before the Ignition file was sent, or soon after. */
function onSystem(state: State, now: number): State {
  const { mode, attempt } = state
  if (mode !== 'installing' || attempt?.deliveredAt === undefined) return state
  if (attempt.probedAt !== undefined) {
    return installed(state, 'a system asked for an address after it was sent to its disk', now)
  }
  if (now - attempt.deliveredAt < settledMs) return state
  const seconds = Math.round((now - attempt.deliveredAt) / 1000)
  return installed(
    state,
    `a system asked for an address ${seconds} s after the installer had everything`,
    now,
  )
}

/** Who became Ready before was the system that is being replaced. */
function onReady(state: State, since: number, now: number): State {
  const { mode, attempt } = state
  if (mode !== 'installing' || attempt?.deliveredAt === undefined || since <= attempt.deliveredAt)
    return state
  return installed(state, 'the cluster says that it is Ready', now)
}

function onAttempt(state: State, change: (attempt: AttemptState) => Partial<AttemptState>): State {
  const { mode, attempt } = state
  if (mode !== 'installing' || attempt === undefined) return state
  return { ...state, attempt: { ...attempt, ...change(attempt) } }
}

/** What time alone brings about. */
function settle(state: State, now: number): State {
  const { armedUntil, before } = state
  if (armedUntil === undefined || before === undefined || now < armedUntil) return state
  return move(state, before.mode, `nobody booted it while it was armed; before: ${before.reason}`, now)
}

function again(
  state: State,
  { begunBy, earlier, startedAt }: AttemptState,
  boot: Extract<Event, { kind: 'boot' }>,
  why: string,
  now: number,
): State {
  if (earlier + 1 < maxAttempts) return start(state, boot, begunBy, earlier + 1, why, now)
  const minutes = Math.max(1, Math.round((now - startedAt) / minuteMs))
  const reason = `${maxAttempts} attempts came to nothing, the last ${minutes} min after it began: ${why}`
  return move(withoutToken(state), 'failed', reason, now)
}

function start(
  state: State,
  { role, tokenHash }: Extract<Event, { kind: 'boot' }>,
  begunBy: AttemptState['begunBy'],
  earlier: number,
  reason: string,
  now: number,
): State {
  const attempt = { role, startedAt: now, earlier, begunBy, tokenHash, readableUntil: now + tokenLifetimeMs }
  return {
    ...move(state, 'installing', reason, now),
    wasInstalled: false,
    attempt: { ...attempt, requests: 0, reads: 0 },
  }
}

/** Its token stays, for what the installed system may still report; files are no longer given for it. */
function installed(state: State, reason: string, now: number): State {
  return { ...move(state, 'installed', reason, now), wasInstalled: true }
}

/** The installation that was under way is over: nothing that still runs of it has a say. */
function withoutToken(state: State): State {
  return state.attempt === undefined ? state : { ...state, attempt: { ...state.attempt, tokenHash: '' } }
}

function move(state: State, mode: Mode, reason: string, now: number): State {
  const { mac, declared, role, attempt, wasInstalled } = state
  return {
    ...{ mac, declared, mode, since: now, reason, wasInstalled },
    ...(role && { role }),
    ...(attempt && { attempt }),
  }
}

function declaredReason(declared: InstallNode['declared']): string {
  return `the site file says ${declared}`
}
