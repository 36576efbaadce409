/** The stages of the complete installation. They run only if `--only real:` selects them, because they take long. */
import type { Stage } from '../runner.ts'
import type { RealRig } from './rig.ts'
import { apiServerChecks } from './checks/api-server.ts'
import { csrChecks } from './checks/csr.ts'
import { day2Checks, renewalChecks } from './checks/day2.ts'
import { diskChecks } from './checks/disks.ts'
import { installationChecks } from './checks/installation.ts'
import { loadChecks } from './checks/load.ts'
import { ignitionChecks } from './checks/ignition.ts'
import { waitChecks } from './checks/wait.ts'

export const realPrefix = 'real:'

export const realStages: readonly Stage<RealRig>[] = [
  [installationChecks],
  [waitChecks, ignitionChecks],
  [apiServerChecks],
  [diskChecks],
  [csrChecks],
  [day2Checks],
  [loadChecks],
  [renewalChecks],
]
