/**
 * Installations with two appliances that share an etcd of three members, while processes are killed (SIGKILL) and paused
 * (SIGSTOP). Every machine must be installed exactly once. Started by test/schedules/run, which installs the packages.
 */
import { parseArgs } from 'node:util'
import { createRandom } from '../fuzz/random.ts'
import { createRig } from './rig.ts'
import { runSchedule, type Outcome } from './schedule.ts'
import { killSweep } from './sweep.ts'

const usage = `Usage: test/schedules/run [--count N] [--seed N] [--sweep]

Installs machines with two appliances and three members of etcd. Needs root.

  --count N   number of random schedules (default: 20)
  --seed N    repeats a run; the seed of a run is printed
  --sweep     instead: kill -9 at every step of an installation, then a restart or the other appliance`

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 0x7fffffff) },
    sweep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}
process.exit(values.sweep ? await killSweep() : await schedules(Number(values.count), Number(values.seed)))

async function schedules(count: number, seed: number): Promise<number> {
  console.log(`seed ${seed}`)
  const random = createRandom(seed)
  const rig = await createRig(count)
  const outcomes: Outcome[] = []
  try {
    for (let index = 0; index < count; index++) {
      const outcome = await runSchedule(rig, index, random)
      outcomes.push(outcome)
      const { faults, durationMs, attempts, violations, log } = outcome
      const what = `${faults.join('; ')}: ${attempts} scripts, ${(durationMs / 1000).toFixed(1)} s`
      console.log(`${violations.length === 0 ? 'ok    ' : 'NOT OK'} ${index + 1}/${count}  ${what}`)
      if (violations.length > 0)
        console.log([...violations, ...log].map((line) => `         ${line}`).join('\n'))
    }
  } finally {
    await rig.close()
  }
  const failed = outcomes.filter(({ violations }) => violations.length > 0).length
  const durations = outcomes.map(({ durationMs }) => durationMs / 1000).sort((a, b) => a - b)
  const again = outcomes.filter(({ attempts }) => attempts > 1).length
  console.log(
    `\n${count - failed} of ${count} machines were installed exactly once (seed ${seed}); ` +
      `${again} needed more than one script; time of a schedule: median ${durations[count >> 1]?.toFixed(1)} s, ` +
      `longest ${durations.at(-1)?.toFixed(1)} s`,
  )
  return failed === 0 ? 0 : 1
}
