/** Runs the checks of the page; `--only TEXT` selects them by their names. */
import { parseArgs } from 'node:util'
import { runStage } from '../runner.ts'
import { actionChecks } from './actions.ts'
import { connectionChecks } from './connection.ts'
import { createPageRig } from './rig.ts'
import { viewChecks } from './views.ts'

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true, default: [''] } } })
const checks = [...viewChecks, ...actionChecks, ...connectionChecks].filter(({ name }) =>
  values.only.some((text) => name.includes(text)),
)
const rig = await createPageRig()
const results = await runStage([checks], rig, new AbortController().signal).finally(() => rig.close())
const failed = results.filter(({ failure }) => failure !== undefined)
console.log(`\n${results.length - failed.length} of ${results.length} checks passed`)
// Browsers keep connections open.
process.exit(results.length > 0 && failed.length === 0 ? 0 : 1)
