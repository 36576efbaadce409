/** The kill sweep: kill -9 at every step of an installation, then a restart, or the other appliance takes over. */
import { setTimeout as sleep } from 'node:timers/promises'
import { macOf, nodeAddress } from './appliance.ts'
import { createMachine, steps, type Step } from './machine.ts'
import { createRig, keyOf, type Rig } from './rig.ts'
import { disagreements } from './schedule.ts'

/** `before` the request of the step is sent; `during` it, some milliseconds later. */
const moments = { before: -1, 'at once': 0, '5 ms': 5, '20 ms': 20 } as const
const ways = ['restart', 'other appliance'] as const

type Row = {
  readonly step: Step
  readonly moment: keyof typeof moments
  readonly way: (typeof ways)[number]
  readonly scripts: number
  readonly writes: number
  readonly seconds: number
  readonly violations: readonly string[]
}

const limitMs = 60_000

/** @returns the exit code */
export async function killSweep(): Promise<number> {
  const cases = steps.flatMap((step) =>
    Object.keys(moments).flatMap((moment) =>
      ways.map((way) => ({ step, moment: moment as keyof typeof moments, way })),
    ),
  )
  const rig = await createRig(cases.length)
  const rows: Row[] = []
  console.log('step        kill -9   then              scripts  writes  seconds  result')
  try {
    for (const [index, each] of cases.entries()) {
      const row = await runCase(rig, index, each)
      rows.push(row)
      console.log(formatRow(row))
    }
  } finally {
    await rig.close()
  }
  const good = rows.filter(({ violations }) => violations.length === 0).length
  console.log(`\n${good} of ${rows.length} machines were installed exactly once`)
  return good === rows.length ? 0 : 1
}

async function runCase(
  rig: Rig,
  index: number,
  { step, moment, way }: Pick<Row, 'step' | 'moment' | 'way'>,
): Promise<Row> {
  const startedAt = performance.now()
  let isKilled = false
  const [first] = rig.appliances
  const urls = rig.appliances.map(({ url }) => url)
  const kill = async (): Promise<void> => {
    const { ended } = first.process()
    rig.harm('a', 'kill')
    await ended
    if (way === 'restart') rig.repair('a')
  }
  const machine = createMachine({
    key: keyOf(index),
    address: nodeAddress(index),
    mac: macOf(index),
    appliances: rig.appliances,
    // Without a restart, the first appliance does not answer.
    choose: () => (isKilled && way === 'other appliance' ? urls.toReversed() : urls),
    // The URLs of the callbacks are those of the appliance that sent the script.
    callbackTries: way === 'restart' ? 100 : 5,
    isDoubled: () => false,
    async onStep(now) {
      if (now !== step || isKilled) return
      isKilled = true
      const delayMs = moments[moment]
      if (delayMs < 0) await kill()
      else setTimeout(() => void kill(), delayMs)
    },
  })
  await machine.run(AbortSignal.timeout(limitMs))
  await sleep(100)
  const writes = machine.writes()
  const violations = writes === 1 ? [] : [`the disk was written ${writes} times`]
  await rig.repairAll()
  violations.push(...(await disagreements(rig, index, machine.isReported())))
  if (violations.length > 0) violations.push(...machine.log)
  const scripts = machine.log.filter((line) => line.includes('installs from')).length
  return {
    step,
    moment,
    way,
    scripts,
    writes,
    violations,
    seconds: (performance.now() - startedAt) / 1000,
  }
}

function formatRow({ step, moment, way, scripts, writes, seconds, violations }: Row): string {
  const cells = [
    step.padEnd(11),
    moment.padEnd(9),
    way.padEnd(16),
    String(scripts).padStart(7),
    String(writes).padStart(7),
  ]
  const result = violations.length === 0 ? 'ok' : `NOT OK\n    ${violations.join('\n    ')}`
  return `${cells.join(' ')} ${seconds.toFixed(1).padStart(8)}  ${result}`
}
