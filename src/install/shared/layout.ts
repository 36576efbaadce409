/** The keys of the shared store, and the values under them. Pure. */
import { modes } from '../node-states.ts'
import { without, type State } from '../machine-state.ts'
import type { Moment } from '../../host/clock.ts'
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
  const reason = `its record has the unknown state ${JSON.stringify(state.mode)}, perhaps of a newer slipway`
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
