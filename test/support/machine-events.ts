/** Events of the state machine for tests, and a way to play them with time in between. */
import type { BootEvent } from '../../src/install/decide-boot.ts'
import { advance, type Event } from '../../src/install/machine.ts'
import { initialState, type State } from '../../src/install/machine-state.ts'
import type { Moment } from '../../src/host/clock.ts'
import type { ClusterEvent } from '../../src/install/observation.ts'
import type { InstallNode } from '../../src/plan/install.ts'
import { installPlan } from './installs.ts'

export const m1 = installPlan().get('ocp45/m1') as InstallNode
export const startAt = 1_000_000

export const boot: BootEvent = {
  kind: 'boot',
  role: 'master',
  isChosen: false,
  isDeliberate: true,
  tokenHash: 'hash',
  requiresExchange: false,
  isClusterRead: true,
  isKnownByUuid: false,
  needsConsent: false,
  isInstaller: true,
  isRecordable: true,
}
export const chosen: BootEvent = { ...boot, role: 'worker', isChosen: true }
export const delivered: Event = { kind: 'request', isLast: true }
export const system: Event = { kind: 'system' }
export const exchange: Event = { kind: 'exchange' }
export const time: Event = { kind: 'time' }
export const command = (name: 'install' | 'local' | 'menu'): Event => ({ kind: 'command', command: name })
export const callback = (stage: 'written' | 'started' | 'failed', isProof = false): Event => ({
  kind: 'callback',
  stage,
  isProof,
})
export const cluster = (word: ClusterEvent, since?: number): Event => ({
  kind: 'cluster',
  word,
  ...(since !== undefined && { since }),
})
export const declared = (mode: 'install' | 'local' | 'menu', change: Partial<InstallNode> = {}): Event => ({
  kind: 'declared',
  node: { ...m1, declared: mode, ...change },
})

/** The clocks of the server jump: the wall clock, or a reboot that starts another epoch. */
export type Jump = { readonly wallMs: number; readonly isReboot?: boolean }

/** Plays events; a number is milliseconds that pass before the next event. */
export function after(
  steps: readonly (Event | number | Jump)[],
  first: State = initialState(m1),
): State & { now: Moment } {
  let state = first
  let now: Moment = { at: startAt, tick: 7, epoch: 'first' }
  for (const step of steps) {
    if (typeof step === 'number') now = { ...now, at: now.at + step, tick: now.tick + step }
    else if ('wallMs' in step) {
      now = {
        at: now.at + step.wallMs,
        tick: step.isReboot ? 0 : now.tick,
        epoch: step.isReboot ? 'next' : now.epoch,
      }
    } else state = advance(state, step, now)
  }
  return { ...state, now }
}
