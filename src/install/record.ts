/** The published state of a node, from the record of its machine. Pure. */
import type { NodeRecord, ProvenBoot } from './installs.ts'
import { armedMs } from './machine.ts'
import type { AttemptState, State } from './machine-state.ts'

export function recordOf(node: string, state: State, lastSeen: number | undefined): NodeRecord {
  const { mode, since, reason, code, armed, attempt } = state
  const provenBoot = attempt && provenBootOf(attempt)
  return {
    node,
    mode,
    since,
    reason,
    ...(code !== undefined && { code }),
    ...(armed && { armedUntil: armed.at + armedMs }),
    ...(attempt && {
      attempt: { role: attempt.role, startedAt: attempt.startedAt, earlier: attempt.earlier },
    }),
    ...(provenBoot && { provenBoot }),
    ...(lastSeen !== undefined && { lastSeen }),
  }
}

function provenBootOf({ startedAt, delivered, writtenAt, bootedAt }: AttemptState): ProvenBoot | undefined {
  if (delivered === undefined || writtenAt === undefined || bootedAt === undefined) return undefined
  return { startedAt, writtenAt, bootedAt }
}
