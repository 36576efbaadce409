/** Machines with several disks. The stages run only if `--only disks:` selects them. */
import type { Stage } from '../runner.ts'
import { hintChecks } from './checks/hints.ts'
import { mirrorChecks } from './checks/mirror.ts'
import { mirrorStartChecks, multipathStartChecks } from './checks/starts.ts'
import type { DiskMachines } from './machines.ts'
import type { DisksRig } from './rig.ts'

export const disksPrefix = 'disks:'

/** Without slipway and coreos-installer, which takes long to build. */
export const diskStartStages: readonly Stage<DiskMachines>[] = [
  [mirrorChecks, mirrorStartChecks, multipathStartChecks],
]

export const diskStages: readonly Stage<DisksRig>[] = [[hintChecks]]
