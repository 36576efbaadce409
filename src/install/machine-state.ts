/**
 * What slipway records of one machine: its mode, its attempt, the evidence against another installation, and where it is in the
 * boot order of its firmware. Pure.
 */
import { elapsedMs, isSameEpoch, type Moment } from '../host/clock.ts'
import type { InstallRole } from '../plan/facts.ts'
import type { InstallNode } from '../plan/install.ts'
import type { InstallCode } from './codes.ts'
import type { DiskIdentity } from './decide-disk.ts'
import type { Attempt } from './installs.ts'
import type { Mode } from './node-states.ts'

/**
 * An entry in the boot order of the firmware: PXE, HTTP Boot, or an iPXE that the firmware starts itself. After a local
 * boot, the firmware continues with the next entry, which can be another one for the same network.
 */
export type BootEntry = 'pxe' | 'http' | 'ipxe'

export type AttemptState = Attempt & {
  readonly startedBy: 'site' | 'administrator' | 'menu'
  /** SHA-256 in hexadecimal: only the machine has the token. Empty once the token is revoked. */
  readonly tokenHash: string
  /** SHA-256 of the token that only the Ignition file of this attempt contains; absent in older records. */
  readonly startedHash?: string
  /** Start of the lifetime of the token. */
  readonly issued: Moment
  /** How often a file was requested, and how often the Ignition file for the disk was sent. */
  readonly requests: number
  readonly reads: number
  /** Recorded before the first byte of the last file that the installer needs: the disk may be written from then on. */
  readonly delivered?: Moment
  /** Whether the disk check allowed this installation to overwrite the disk, so that it wrote what the disk holds now. */
  readonly isDiskClear?: boolean
  /** What identifies that disk; absent in older records. */
  readonly clearedDisk?: DiskIdentity
  /** When the machine was last sent to its disk after that, and from which boot entries; older records lack the latter. */
  readonly probed?: Moment
  readonly tried?: readonly (BootEntry | 'unknown')[]
  /** When a system that may run from the disk was observed. Wall clock: for display only. */
  readonly systemSeenAt?: number
  /** When the callbacks of this attempt arrived. Wall clock. */
  readonly writtenAt?: number
  readonly bootedAt?: number
  /** Start of the last Ready condition known when the attempt started, by the clock of the cluster. */
  readonly readyBefore?: number
}

/** Reasons against an automatic installation; only an administrator overrides them. Times are for display only. */
export type Evidence = {
  /** When the cluster reported the machine as a node. */
  readonly inClusterAt?: number
  /** When a system that slipway did not install used the address of the machine. */
  readonly foreignSystemAt?: number
  /** What its disk holds, if the disk check found data that slipway must not overwrite: a sentence. */
  readonly diskHolds?: string
  /** Why the records of this machine are incomplete: a sentence. */
  readonly notVouchedFor?: string
}

/** Record of one machine: plain data. */
export type State = {
  /** Identifies the machine. */
  readonly mac: string
  /** The node that the site file last declared with this MAC address. */
  readonly node: string
  readonly declared: InstallNode['declared']
  /** Absent in older records. */
  readonly role?: InstallRole
  readonly mode: Mode
  /** Milliseconds since 1970; 0 for a machine that was never seen. */
  readonly since: number
  readonly reason: string
  readonly code?: InstallCode
  /** When an administrator armed it; it returns to `before` if it does not boot in time. */
  readonly armed?: Moment
  readonly before?: Pick<State, 'mode' | 'reason' | 'code'>
  readonly attempt?: AttemptState
  /** Whether its last installation succeeded. */
  readonly wasInstalled: boolean
  readonly evidence?: Evidence
  /** Start of its last Ready condition, by the clock of the cluster. */
  readonly readySince?: number
  /**
   * Its other MAC addresses, now or before, with the `since` of the record under each that this one includes; 0 without
   * a record. Absent for a machine that always had one MAC address.
   */
  readonly others?: Readonly<Record<string, number>>
  /** SMBIOS UUID in its last DHCP request; absent if it never sent one that identifies it. */
  readonly uuid?: string
  /** The last boot activity of iPXE on this machine; absent if another system started since. */
  readonly exchange?: Moment
  /** The boot entry that led to it. */
  readonly entry?: BootEntry
  /** Revision of the shared record that this one is based on; absent without a shared store. */
  readonly revision?: number
  /** Whether the shared record does not have all of this one yet. */
  readonly isUnshared?: true
}

/** Returns the record of a machine without a history. @param notVouchedFor why its history is not known */
export function initialState(node: InstallNode, notVouchedFor?: string): State {
  const { mac, key, declared, role } = node
  const evidence = notVouchedFor === undefined ? {} : { evidence: { notVouchedFor } }
  const state: State = {
    mac,
    node: key,
    declared,
    role,
    mode: 'local',
    since: 0,
    reason: '',
    wasInstalled: false,
    ...evidence,
  }
  return { ...state, ...declaredRest(state) }
}

/** Returns the mode that the site file and the evidence lead to while no installation is in progress. */
export function declaredRest({
  declared,
  wasInstalled,
  evidence = {},
}: Pick<State, 'declared' | 'wasInstalled' | 'evidence'>): Pick<State, 'mode' | 'reason' | 'code'> {
  if (declared !== 'install') return { mode: declared, reason: `the site file sets boot: ${declared}` }
  if (wasInstalled) return { mode: 'installed', reason: 'slipway installed this machine before' }
  const { notVouchedFor, inClusterAt, foreignSystemAt, diskHolds } = evidence
  if (diskHolds !== undefined) return { mode: 'local', reason: diskHolds, code: 'install.disk-not-empty' }
  if (notVouchedFor !== undefined) return { mode: 'local', reason: notVouchedFor, code: 'state.not-vouched' }
  if (inClusterAt !== undefined) {
    return { mode: 'local', reason: 'its cluster reports it as a node', code: 'install.in-cluster' }
  }
  if (foreignSystemAt !== undefined) {
    const reason = 'a system that slipway did not install runs on it'
    return { mode: 'local', reason, code: 'install.foreign-system' }
  }
  return { mode: 'install', reason: 'the site file sets boot: install' }
}

/** Returns the record without some of its optional fields. */
export function without(
  state: State,
  ...keys: readonly (
    'armed' | 'before' | 'code' | 'evidence' | 'exchange' | 'entry' | 'revision' | 'isUnshared'
  )[]
): State {
  const rest = { ...state }
  for (const key of keys) Reflect.deleteProperty(rest, key)
  return rest
}

// The boot order: the DHCP exchange of iPXE, the entry that led to it, and the entries from which the disk was tried. The
// firmware has an entry for each network boot method (PXE, HTTP Boot, its own iPXE), and tries all of them in one pass.

const minuteMs = 60_000
/** iPXE repeats its request within seconds; a menu may stay open longer. */
export const exchangeMs = 10 * minuteMs
const menuExchangeMs = 60 * minuteMs
/** iPXE repeats its messages, and each change of the record is written. */
const repeatMs = 10_000
/** Without a DHCP exchange, a faster request is a repetition: no firmware tries a disk and returns in this time. */
const minReturnMs = 5000

/** Returns whether iPXE on this machine was active recently. */
export function hasExchange({ exchange, mode }: State, now: Moment): boolean {
  if (exchange === undefined) return false
  const elapsed = elapsedMs(exchange, now)
  return elapsed !== undefined && elapsed < (mode === 'menu' ? menuExchangeMs : exchangeMs)
}

/** Records that iPXE requested its address. @param entry the boot entry that led to it, if known */
export function onExchange(state: State, entry: BootEntry | undefined, now: Moment): State {
  const elapsed = state.exchange && elapsedMs(state.exchange, now)
  const isRecent = elapsed !== undefined && elapsed < repeatMs
  if (isRecent && entry === state.entry) return state
  return { ...without(state, 'entry'), exchange: now, ...(entry !== undefined && { entry }) }
}

/** Extends the exchange of a machine that waits in its script; at most once a minute, because each change is written. */
export function withExchange(state: State, now: Moment): State {
  const elapsed = state.exchange && elapsedMs(state.exchange, now)
  return elapsed !== undefined && elapsed < minuteMs ? state : { ...state, exchange: now }
}

/** Ends the exchange: after this, only another one shows that iPXE runs. */
export function withoutExchange(state: State): State {
  return state.exchange === undefined ? state : without(state, 'exchange', 'entry')
}

/** Returns what changes in an attempt whose machine is sent to its disk. */
export function diskTry(
  { tried = [] }: AttemptState,
  entry: BootEntry | 'unknown' = 'unknown',
  now: Moment,
): Partial<AttemptState> {
  return { probed: now, tried: [...tried, entry] }
}

/**
 * Returns whether the machine was not sent to its disk from this entry yet. The firmware then did not reach the disk: it
 * continued with another entry for the network.
 */
export function isUntried({ attempt, entry }: State): boolean {
  return attempt?.tried?.includes(entry ?? 'unknown') === false
}

/** Returns whether a machine that was just sent to its disk repeats its request: no DHCP exchange shows a restart. */
export function isRepeated({ attempt, exchange }: State, now: Moment): boolean {
  const probed = attempt?.probed
  if (exchange !== undefined || probed === undefined || !isSameEpoch(probed, now)) return false
  const elapsed = elapsedMs(probed, now)
  return elapsed !== undefined && elapsed < minReturnMs
}
