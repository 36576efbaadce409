/** What the decision about a disk means: for the live system, for the record of the machine, and for the status. Pure. */
import type { InstallNode } from '../plan/install.ts'
import type { StateProblem } from './codes.ts'
import type { DiskDecision, DiskPermission } from './decide-disk.ts'
import type { DiskAnswer } from './installs.ts'
import type { Event } from './machine.ts'
import type { State } from './machine-state.ts'

/** Returns what the record of a machine allows, whatever its disk holds. */
export function diskPermission({ wipe, isMenuAutomatic }: InstallNode, { attempt }: State): DiskPermission {
  const startedBy = attempt?.startedBy
  return {
    wipe,
    hasConsent: startedBy === 'administrator' || (startedBy === 'menu' && !isMenuAutomatic),
    isOurs: attempt?.isDiskClear === true,
  }
}

/** Returns the event of the state machine; none while the content of the disk is unknown. */
export function diskEvent(decision: DiskDecision): Event | undefined {
  switch (decision.kind) {
    case 'proceed':
      return { kind: 'disk' }
    case 'keep':
      return { kind: 'disk', holds: decision.holds }
    case 'unknown':
      return undefined
  }
}

/** Returns the answer to the live system. */
export function diskAnswer(
  { key }: InstallNode,
  decision: DiskDecision,
): Extract<DiskAnswer, { text: string }> {
  switch (decision.kind) {
    case 'proceed':
      return { kind: 'proceed', text: `the installer starts: ${decision.reason}` }
    case 'keep':
      return { kind: 'wait', text: keptText(key, decision.holds) }
    case 'unknown':
      return { kind: 'wait', text: `the installer does not start: ${decision.reason}` }
  }
}

function keptText(key: string, holds: string): string {
  return `${holds}: run "slipway node install ${key}" to overwrite it`
}

/** Returns the line for the status of a machine whose disk is kept. */
export function keptDisk({ key }: InstallNode, { mode, code, reason }: State): StateProblem[] {
  if (mode !== 'local' || code !== 'install.disk-not-empty') return []
  return [{ code, text: `${key}: ${keptText(key, reason)}` }]
}
