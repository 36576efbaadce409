/** A log for tests that do not read it. The log of the process would share standard output with the test runner. */
import { createLog } from '../../src/host/log.ts'

export const silentLog = () => createLog('error', { write: () => {} })
