/**
 * Where a machine is in the boot order of its firmware, pure: the DHCP exchange of iPXE, the entry that led to it, and the
 * entries from which the disk was tried. The firmware has an entry for each way to boot from the network (PXE, HTTP
 * Boot, its own iPXE), and tries all of them in one pass.
 */
import { elapsedMs, isSameEpoch, type Moment } from '../host/clock.ts'
import { without, type AttemptState, type BootEntry, type State } from './machine-state.ts'

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
