/** Two appliances that share an etcd of three members: a short run of the schedules (test/schedules). */
import { join } from 'node:path'
import { expectEqual } from '../expect.ts'
import { lastLines, run } from '../process.ts'
import type { Check } from '../runner.ts'

const main = join(import.meta.dirname, '../../schedules/main.ts')
const limitMs = 300_000

export const storeChecks: readonly Check[] = [
  {
    name: 'store: machines are installed once while two appliances and three members of etcd are killed and paused',
    limitMs: limitMs + 10_000,
    async run() {
      const ended = await run([process.execPath, main, '--count', '5'], { limitMs })
      expectEqual(ended.status, 0, `the schedules: ${ended.stdout}${ended.stderr}`)
      return lastLines(ended.stdout, 1)
    },
  },
]
