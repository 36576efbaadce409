/**
 * `slipway wait install-complete` for every state of the version and its operators, beside what openshift-install does in
 * the same state (cmd/openshift-install/command/waitfor.go). The API server validates the states by OpenShift's own schemas.
 */
import { WaitExitCode } from '../../../../src/cluster/evaluate/stages.ts'
import { expectEqual } from '../../expect.ts'
import type { Ended } from '../../process.ts'
import type { Check } from '../../runner.ts'
import { slipway } from '../../server.ts'
import type { RealRig } from '../rig.ts'
import {
  setClusterVersion,
  setOperator,
  setVersion,
  type OperatorState,
  type VersionState,
} from './cluster.ts'

/**
 * Where openshift-install waits in a state. It waits until the version is Available and neither Failing nor Progressing,
 * and then until each operator has had Progressing=False for more than 30 s. It reads no other condition of operators.
 */
type Waits = 'for the version' | 'for the operators' | 'no longer'

type Row = readonly [state: string, version: VersionState, operator: OperatorState, waits: Waits]

const installed: VersionState = { available: 'True', failing: 'False', progressing: 'False' }
const stable: OperatorState = { progressing: 'False' }

const rows: readonly Row[] = [
  [
    'the version is Progressing',
    { ...installed, available: 'False', progressing: 'True' },
    stable,
    'for the version',
  ],
  [
    'the version is Available, and still Progressing',
    { ...installed, progressing: 'True' },
    stable,
    'for the version',
  ],
  ['the version is Available and Failing', { ...installed, failing: 'True' }, stable, 'for the version'],
  ['the version is not Available', { ...installed, available: 'False' }, stable, 'for the version'],
  ['Available is Unknown', { ...installed, available: 'Unknown' }, stable, 'for the version'],
  ['the version has no condition Failing', { ...installed, failing: undefined }, stable, 'for the version'],
  [
    'the version has no condition Progressing',
    { ...installed, progressing: undefined },
    stable,
    'for the version',
  ],
  ['an operator is Progressing', installed, { progressing: 'True' }, 'for the operators'],
  ['an operator has no condition Progressing', installed, { progressing: undefined }, 'for the operators'],
  ['Progressing of an operator is Unknown', installed, { progressing: 'Unknown' }, 'for the operators'],
  ['an operator has just settled', installed, { progressing: 'False', forSeconds: 2 }, 'for the operators'],
  ['an operator is not Available', installed, { ...stable, available: 'False' }, 'no longer'],
  ['an operator is Degraded', installed, { ...stable, degraded: 'True' }, 'no longer'],
  ['everything is settled', installed, stable, 'no longer'],
]

const exitCodes: Readonly<Record<Waits, number>> = {
  'for the version': WaitExitCode.install,
  'for the operators': WaitExitCode.operators,
  'no longer': 0,
}

export const waitChecks: readonly Check<RealRig>[] = [
  {
    name: 'real: "slipway wait install-complete" waits in the same states as openshift-install',
    limitMs: 5 * 60_000,
    async run(rig) {
      const wait = (timeout: string): Promise<Ended> =>
        rig.run(
          slipway('wait', '--timeout', timeout, 'install-complete', '--site', rig.site.sitePath),
          150_000,
        )
      await setVersion(rig, { isInstalled: true })
      expectEqual((await wait('2m')).status, 0, 'the exit code of slipway wait before the first state')
      for (const [state, version, operator, waits] of rows) {
        await setClusterVersion(rig, version)
        await setOperator(rig, 'ingress', operator)
        const { status, stdout, stderr } = await wait(waits === 'no longer' ? '1m' : '5s')
        expectEqual(status, exitCodes[waits], `${state}: the exit code of slipway wait (${stdout}${stderr})`)
      }
      await setVersion(rig, { isInstalled: true })
      return `${rows.length} states`
    },
  },
]
