/**
 * The one decision that can erase a disk: what a network boot of a machine leads to (docs/decisions/0031). An ordered
 * table, pure: the first row that applies decides. An installing script needs a positive reason; a fact that is not
 * known never counts as one.
 */
import type { InstallRole } from '../plan/facts.ts'
import { elapsedMs, isSameEpoch, type Moment } from '../host/clock.ts'
import { hasExchange, isRepeated, isUntried, type State } from './machine-state.ts'
import type { InstallCode } from './codes.ts'
import type { Mode } from './node-states.ts'

/** State of the attempt that is in progress. */
type AttemptPhase =
  | 'none'
  /** The last file that the installer needs has not been sent: the disk is unchanged. */
  | 'not-delivered'
  /** The disk may be written, and was not tried from this entry of the boot order, or the request is repeated. */
  | 'delivered'
  /** The machine was sent to its disk and returned within the time that a failed disk boot takes. */
  | 'returned-soon'
  /** The machine was sent to its disk, and a system requested an address before it returned. */
  | 'returned-running'
  /** The machine was sent to its disk and returned later, or the time is not known. */
  | 'returned-late'

export type BootFacts = {
  /** `unknown`: the record has a mode that this version does not know. */
  readonly mode: Mode | 'unknown'
  /** Who requested the installation: a command or a selection at the console, or only the site file. */
  readonly consent: 'administrator' | 'site'
  /** Whether this request selects an installation in the boot menu. */
  readonly isChosen: boolean
  /** Whether the attempt in progress was selected in the boot menu. */
  readonly isFromMenu: boolean
  readonly wasInstalled: boolean
  /** Whether its cluster ever reported it, or slipway approved a certificate of it. */
  readonly isInCluster: boolean
  /** Whether the cluster was queried for its nodes, or there is none that could answer. */
  readonly isClusterRead: boolean
  /** Whether an operating system that slipway did not install used its address. */
  readonly hasForeignSystem: boolean
  /** Whether a record under another MAC address has the SMBIOS UUID of this machine, and forbids an installation. */
  readonly isKnownByUuid: boolean
  /** Whether nothing looks at the disk before the installer overwrites it, and the site file does not permit that. */
  readonly needsConsent: boolean
  /** Whether the records cover the whole history of the machine: false after a loss, and for the state of another site. */
  readonly isVouchedFor: boolean
  readonly attempt: AttemptPhase
  readonly hasAttemptsLeft: boolean
  /** Whether iPXE on this machine recently requested its address from us, or the site does not require it. */
  readonly hasExchange: boolean
  /** Whether this appliance installs nodes (`server.installer`). */
  readonly isInstaller: boolean
  /** Whether a decision can be recorded before it takes effect. */
  readonly isRecordable: boolean
}

export type BootDecision =
  /** Starts a new installation. */
  | { readonly kind: 'start' }
  /** Continues the installation in progress: its disk is unchanged, or did not boot. */
  | { readonly kind: 'resume' }
  /** Sends the machine to its disk for the first time after the delivery, or from another entry of the boot order. */
  | { readonly kind: 'try-disk' }
  /** Sends the machine to its disk; the installation in progress has ended. */
  | { readonly kind: 'keep-disk' }
  | { readonly kind: 'disk'; readonly code?: InstallCode }
  | { readonly kind: 'menu' }
  /** Returns to the menu: the selected installation did not change the disk. */
  | { readonly kind: 'menu-again' }
  | { readonly kind: 'fail' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'wait'; readonly code: InstallCode }

type BootRule = {
  /** For the table in the decision record. */
  readonly condition: string
  readonly applies: (facts: BootFacts) => boolean
  readonly decision: BootDecision
}

const isInstalling = ({ mode }: BootFacts): boolean => mode === 'installing'
const isSiteOnly = ({ consent }: BootFacts): boolean => consent === 'site'

/** The order matters: rows that keep the disk come first. */
export const bootRules: readonly BootRule[] = [
  {
    condition: 'the record has an unknown state',
    applies: ({ mode }) => mode === 'unknown',
    decision: { kind: 'disk', code: 'state.unknown-mode' },
  },
  {
    condition: '`local`: an administrator or the site file excludes the installation, or evidence forbids it',
    applies: ({ mode }) => mode === 'local',
    decision: { kind: 'disk' },
  },
  {
    condition: '`installed`',
    applies: ({ mode }) => mode === 'installed',
    decision: { kind: 'disk' },
  },
  { condition: '`failed`', applies: ({ mode }) => mode === 'failed', decision: { kind: 'failed' } },
  {
    condition: '`menu`, and no installation was selected',
    applies: ({ mode, isChosen }) => mode === 'menu' && !isChosen,
    decision: { kind: 'menu' },
  },
  {
    condition: '`installing`, and the record of the attempt is missing',
    applies: (facts) => isInstalling(facts) && facts.attempt === 'none',
    decision: { kind: 'disk', code: 'state.unknown-mode' },
  },
  {
    condition: '`installing`, and the disk may be written: the disk is tried once from each boot entry',
    applies: (facts) => isInstalling(facts) && facts.attempt === 'delivered' && facts.hasExchange,
    decision: { kind: 'try-disk' },
  },
  {
    condition: '`installing`, the disk may be written, and the request has no DHCP exchange: nothing changes',
    applies: (facts) => isInstalling(facts) && facts.attempt === 'delivered',
    decision: { kind: 'disk', code: 'boot.no-dhcp-exchange' },
  },
  {
    condition: '`installing`, sent to its disk, and a system requested an address from there',
    applies: (facts) => isInstalling(facts) && facts.attempt === 'returned-running',
    decision: { kind: 'disk', code: 'install.unconfirmed' },
  },
  {
    condition: '`installing`, sent to its disk, and returned after more than 10 minutes or an unknown time',
    applies: (facts) => isInstalling(facts) && facts.attempt === 'returned-late',
    decision: { kind: 'keep-disk' },
  },
  {
    condition: 'armed by the site file only, and the state was lost, damaged, or belongs to another site',
    applies: (facts) => isSiteOnly(facts) && !facts.isVouchedFor,
    decision: { kind: 'disk', code: 'state.not-vouched' },
  },
  {
    condition: 'armed by the site file only, and slipway installed the machine before',
    applies: (facts) => isSiteOnly(facts) && facts.wasInstalled,
    decision: { kind: 'disk', code: 'install.installed-before' },
  },
  {
    condition: 'armed by the site file only, and its cluster registered the machine',
    applies: (facts) => isSiteOnly(facts) && facts.isInCluster,
    decision: { kind: 'disk', code: 'install.in-cluster' },
  },
  {
    condition: 'armed by the site file only, and a system that slipway did not install runs on the machine',
    applies: (facts) => isSiteOnly(facts) && facts.hasForeignSystem,
    decision: { kind: 'disk', code: 'install.foreign-system' },
  },
  {
    condition:
      'armed by the site file only, and a machine with this SMBIOS UUID and another MAC address was installed before, is in a cluster, or has data on its disk',
    applies: (facts) => isSiteOnly(facts) && facts.isKnownByUuid,
    decision: { kind: 'disk', code: 'install.same-machine' },
  },
  {
    condition:
      'armed by the site file only, and nothing looks at the disk before its installer overwrites it (`wipe: ask`)',
    applies: (facts) => isSiteOnly(facts) && facts.needsConsent,
    decision: { kind: 'disk', code: 'install.disk-not-checked' },
  },
  {
    condition: 'armed by the site file only, and its running cluster has not reported its nodes yet',
    applies: (facts) => isSiteOnly(facts) && !facts.isClusterRead,
    decision: { kind: 'wait', code: 'install.cluster-not-read' },
  },
  {
    condition: 'another server installs the nodes (`server.installer`)',
    applies: ({ isInstaller }) => !isInstaller,
    decision: { kind: 'wait', code: 'install.other-appliance' },
  },
  {
    condition: 'no DHCP exchange of iPXE from this MAC address (`requireDhcp`)',
    applies: ({ hasExchange }) => !hasExchange,
    decision: { kind: 'wait', code: 'boot.no-dhcp-exchange' },
  },
  {
    condition: 'the decision cannot be recorded (disk full, read-only)',
    applies: ({ isRecordable }) => !isRecordable,
    decision: { kind: 'wait', code: 'state.not-writable' },
  },
  {
    condition: '`installing`, selected in the menu, its files not sent, and not selected again',
    applies: (facts) =>
      isInstalling(facts) && facts.attempt === 'not-delivered' && facts.isFromMenu && !facts.isChosen,
    decision: { kind: 'menu-again' },
  },
  {
    condition: '`installing`, and all attempts are used',
    applies: (facts) => isInstalling(facts) && !facts.hasAttemptsLeft,
    decision: { kind: 'fail' },
  },
  {
    condition:
      '`installing`, and its files were not sent, or its disk did not boot: the same installation continues',
    applies: isInstalling,
    decision: { kind: 'resume' },
  },
  {
    condition: 'armed by an administrator, or selected in the menu',
    applies: ({ mode, consent, isChosen }) =>
      consent === 'administrator' && (mode === 'install' || (mode === 'menu' && isChosen)),
    decision: { kind: 'start' },
  },
  {
    condition: 'armed by the site file, and no evidence forbids it',
    applies: ({ mode, isChosen, isVouchedFor, isClusterRead, ...facts }) =>
      (mode === 'install' || (mode === 'menu' && isChosen)) &&
      isVouchedFor &&
      !facts.wasInstalled &&
      !facts.isInCluster &&
      isClusterRead &&
      !facts.hasForeignSystem &&
      !facts.isKnownByUuid &&
      !facts.needsConsent,
    decision: { kind: 'start' },
  },
]

export function decideBoot(facts: BootFacts): BootDecision {
  // No row matches a fact that the types exclude, for example a mode from a newer version: the disk is kept.
  return (
    bootRules.find(({ applies }) => applies(facts))?.decision ?? { kind: 'disk', code: 'state.unknown-mode' }
  )
}

// The facts that `decideBoot` reads, from the record of a machine and the time.

export type BootEvent = {
  readonly kind: 'boot'
  readonly role: InstallRole
  /** Whether the role was selected in the boot menu. */
  readonly isChosen: boolean
  /** Whether an administrator made that selection: false if the menu selects an installation after its time-out. */
  readonly isDeliberate: boolean
  /** Empty if the event cannot start an installation. */
  readonly tokenHash: string
  readonly startedHash?: string
  readonly requiresExchange: boolean
} & Pick<BootFacts, 'isClusterRead' | 'isInstaller' | 'isKnownByUuid' | 'needsConsent' | 'isRecordable'>

const minuteMs = 60_000
/** A disk that does not boot returns to the firmware in seconds; some machines then test their memory again. */
export const rebootTimeoutMs = 10 * minuteMs
/** Over a slow line, the downloads before the Ignition file (kernel, initramfs, rootfs) take most of this time. */
export const tokenLifetimeMs = 60 * minuteMs
export const maxAttempts = 5

/** Collects the facts about a network boot of a machine. */
export function factsOf(state: State, boot: BootEvent, now: Moment): BootFacts {
  const { mode, armed, attempt, wasInstalled, evidence = {} } = state
  const { isChosen, isClusterRead, isInstaller, isKnownByUuid, needsConsent, isRecordable } = boot
  return {
    mode,
    isChosen,
    wasInstalled,
    isClusterRead,
    isInstaller,
    isKnownByUuid,
    needsConsent,
    isRecordable,
    consent: consentOf(state, boot) ? 'administrator' : 'site',
    isFromMenu: attempt?.startedBy === 'menu',
    isInCluster: evidence.inClusterAt !== undefined,
    hasForeignSystem: evidence.foreignSystemAt !== undefined,
    isVouchedFor: evidence.notVouchedFor === undefined,
    attempt: mode === 'installing' ? phaseOf(state, now) : 'none',
    hasAttemptsLeft: (attempt?.earlier ?? 0) + 1 < maxAttempts,
    hasExchange: !boot.requiresExchange || hasExchange(state, now),
  }

  function consentOf({ mode: current }: State, { isDeliberate }: BootEvent): boolean {
    if (current === 'menu') return isChosen && isDeliberate
    if (current === 'installing') return attempt !== undefined && attempt.startedBy !== 'site'
    return armed !== undefined
  }
}

function phaseOf(state: State, now: Moment): AttemptPhase {
  const { attempt } = state
  if (attempt === undefined) return 'none'
  const { delivered, probed, systemSeenAt } = attempt
  if (delivered === undefined) return 'not-delivered'
  if (probed === undefined) return 'delivered'
  if (isRepeated(state, now)) return 'delivered'
  const elapsed = elapsedMs(probed, now)
  // After a reboot of this server the wall clock alone does not show that the disk failed to boot.
  if (!isSameEpoch(probed, now) || elapsed === undefined || elapsed > rebootTimeoutMs) return 'returned-late'
  if (systemSeenAt !== undefined) return 'returned-running'
  return isUntried(state) ? 'delivered' : 'returned-soon'
}
