/** slipway as its operator starts it: all services, default log level. */
import { join } from 'node:path'
import type { Contender } from './contest.ts'
import { writeSite } from './site.ts'

export const ours: Contender = {
  name: 'slipway',
  prepare: writeSite,
  command: ({ dir }) => [
    ...[process.execPath, join(import.meta.dirname, '../src/main.ts')],
    ...['serve', '--state', join(dir, 'state'), join(dir, 'site.yaml')],
  ],
}
