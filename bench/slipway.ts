/** slipway with all services and the default log level. */
import { join } from 'node:path'
import type { TestedServer } from './benchmark.ts'
import { writeSite } from './site.ts'

export const slipway: TestedServer = {
  name: 'slipway',
  prepare: writeSite,
  command: ({ dir }) => [
    ...[process.execPath, join(import.meta.dirname, '../src/main.ts')],
    ...['serve', '--state', join(dir, 'state'), join(dir, 'site.yaml')],
  ],
}
