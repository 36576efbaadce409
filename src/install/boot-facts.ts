/** Collects what `decideBoot` needs to know from the record of a machine and the time. Pure. */
import type { IgnitionKind } from '../plan/facts.ts'
import { elapsedMs, isSameEpoch, type Moment } from '../host/clock.ts'
import type { AttemptPhase, BootFacts } from './decide-boot.ts'
import type { AttemptState, State } from './machine-state.ts'

export type BootEvent = {
  readonly kind: 'boot'
  readonly role: IgnitionKind
  /** Whether the role was selected in the boot menu. */
  readonly isChosen: boolean
  /** Whether an administrator made that selection: false if the menu selects an installation after its time-out. */
  readonly isConscious: boolean
  /** Empty if the event cannot start an installation. */
  readonly tokenHash: string
  readonly startedHash?: string
  readonly requiresExchange: boolean
} & Pick<BootFacts, 'isClusterRead' | 'isInstaller' | 'isRecordable'>

const minuteMs = 60_000
/** A disk that does not boot returns to the firmware in seconds; some machines then test their memory again. */
export const rebootTimeoutMs = 10 * minuteMs
/** iPXE repeats its request within seconds; a menu may stay open longer. */
export const exchangeMs = 10 * minuteMs
const menuExchangeMs = 60 * minuteMs
/** Kernel, initramfs, and rootfs over a slow line come before the Ignition file. */
export const tokenLifetimeMs = 60 * minuteMs
export const maxAttempts = 5

/** Collects the facts about a network boot of a machine. */
export function factsOf(state: State, boot: BootEvent, now: Moment): BootFacts {
  const { mode, armed, attempt, wasInstalled, evidence = {} } = state
  const { isChosen, isClusterRead, isInstaller, isRecordable } = boot
  return {
    ...{ mode, isChosen, wasInstalled, isClusterRead, isInstaller, isRecordable },
    consent: consentOf(state, boot) ? 'administrator' : 'site',
    isFromMenu: attempt?.startedBy === 'menu',
    isInCluster: evidence.inClusterAt !== undefined,
    hasForeignSystem: evidence.foreignSystemAt !== undefined,
    isVouchedFor: evidence.notVouchedFor === undefined,
    attempt: mode === 'installing' ? phaseOf(attempt, state.entry, now) : 'none',
    hasAttemptsLeft: (attempt?.earlier ?? 0) + 1 < maxAttempts,
    hasExchange: !boot.requiresExchange || hasExchange(state, now),
  }

  function consentOf({ mode: current }: State, { isConscious }: BootEvent): boolean {
    if (current === 'menu') return isChosen && isConscious
    if (current === 'installing') return attempt !== undefined && attempt.startedBy !== 'site'
    return armed !== undefined
  }
}

function phaseOf(
  attempt: AttemptState | undefined,
  entry: State['entry'] | 'unknown' = 'unknown',
  now: Moment,
): AttemptPhase {
  if (attempt === undefined) return 'none'
  const { delivered, probed, tried, systemSeenAt } = attempt
  if (delivered === undefined) return 'not-delivered'
  if (probed === undefined) return 'delivered'
  const elapsed = elapsedMs(probed, now)
  // After a reboot of this server the wall clock alone does not show that the disk failed to boot.
  if (!isSameEpoch(probed, now) || elapsed === undefined || elapsed > rebootTimeoutMs) return 'returned-late'
  if (systemSeenAt !== undefined) return 'returned-running'
  // The firmware has not come to its disk yet: it continued with another entry for the network.
  return tried?.includes(entry) === false ? 'delivered' : 'returned-soon'
}

/** Returns whether iPXE on this machine was active recently. */
export function hasExchange({ exchange, mode }: State, now: Moment): boolean {
  if (exchange === undefined) return false
  const elapsed = elapsedMs(exchange, now)
  return elapsed !== undefined && elapsed < (mode === 'menu' ? menuExchangeMs : exchangeMs)
}
