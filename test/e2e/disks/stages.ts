/** Machines with several disks. The stages run only if `--only disks:` selects them. */
import type { Stage } from '../runner.ts'
import { hintChecks } from './checks/hints.ts'
import { mirrorChecks } from './checks/mirror.ts'
import type { DisksRig } from './rig.ts'

export const disksPrefix = 'disks:'

export const diskStages: readonly Stage<DisksRig>[] = [[hintChecks, mirrorChecks]]
