/** One random schedule: faults of appliances and members of etcd at any step of an installation, and what came of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../fuzz/random.ts'
import { macOf, nodeAddress } from './appliance.ts'
import { createMachine } from './machine.ts'
import { keyOf, targets, type Rig, type Target } from './rig.ts'

type Fault = {
  readonly targets: readonly Target[]
  readonly how: 'kill' | 'pause'
  /** Number of the step in which it begins. */
  readonly step: number
  readonly delayMs: number
  readonly repairMs: number
}

export type Outcome = {
  readonly faults: readonly string[]
  readonly durationMs: number
  /** Boots that got an installing script. */
  readonly attempts: number
  /** What is wrong: sentences. */
  readonly violations: readonly string[]
  readonly log: readonly string[]
}

const limitMs = 180_000
const convergenceMs = 20_000

/** Installs one machine while faults happen, then repairs everything and compares. */
export async function runSchedule(rig: Rig, index: number, random: Random): Promise<Outcome> {
  const startedAt = performance.now()
  const faults = Array.from({ length: 1 + random.below(4) }, () => faultOf(random))
  const timers: NodeJS.Timeout[] = []
  let step = 0
  const machine = createMachine({
    key: keyOf(index),
    address: nodeAddress(index),
    mac: macOf(index),
    appliances: rig.appliances,
    choose: () => {
      const urls = rig.appliances.map(({ url }) => url)
      return random.once(2) ? urls : urls.toReversed()
    },
    callbackTries: 100,
    isDoubled: () => random.once(4),
    async onStep() {
      for (const fault of faults.filter((each) => each.step === step)) {
        timers.push(
          setTimeout(() => fault.targets.forEach((each) => rig.harm(each, fault.how)), fault.delayMs),
        )
        timers.push(setTimeout(() => fault.targets.forEach(rig.repair), fault.delayMs + fault.repairMs))
      }
      step++
      // A fault of an earlier step can then meet this one.
      await sleep(random.below(200))
    },
  })
  await machine.run(AbortSignal.timeout(limitMs))
  timers.forEach(clearTimeout)
  await rig.repairAll()
  const violations = machine.writes() === 1 ? [] : [`the disk was written ${machine.writes()} times`]
  violations.push(...(await disagreements(rig, index, machine.isReported())))
  return {
    faults: faults.map(
      ({ targets: some, how, step: at, delayMs, repairMs }) =>
        `${how} ${some.join('+')} in step ${at} after ${delayMs} ms for ${repairMs} ms`,
    ),
    durationMs: performance.now() - startedAt,
    attempts: machine.log.filter((line) => line.includes('installs from')).length,
    violations,
    log: machine.log,
  }
}

function faultOf(random: Random): Fault {
  const first = random.pick(targets)
  // Two members at once: etcd has no quorum.
  const pair: readonly Target[] = random.pick([
    ['etcd1', 'etcd2'],
    ['etcd1', 'etcd3'],
    ['etcd2', 'etcd3'],
  ])
  return {
    targets: first.startsWith('etcd') && random.once(2) ? pair : [first],
    how: random.once(2) ? 'kill' : 'pause',
    step: random.below(8),
    delayMs: random.once(2) ? 0 : random.below(60),
    repairMs: 200 + random.below(4000),
  }
}

/**
 * Both appliances must send the machine to its disk, and know that it is installed if one of them accepted a callback. If
 * none did, its cluster would report it.
 */
export async function disagreements(rig: Rig, index: number, isReported: boolean): Promise<string[]> {
  const end = performance.now() + convergenceMs
  while (isReported) {
    const found: string[] = []
    for (const appliance of rig.appliances) {
      const { mode, reason } = await appliance.node(keyOf(index))
      if (mode !== 'installed') found.push(`${appliance.name} has ${mode}: ${reason}`)
    }
    if (found.length === 0) break
    if (performance.now() > end) return found
    await sleep(300)
  }
  const scripts = await Promise.all(rig.appliances.map((each) => rig.scriptOf(each, index)))
  return scripts.flatMap((script, at) =>
    script.includes('live.ign')
      ? [`${rig.appliances[at]?.name ?? ''} sent an installing script afterwards`]
      : [],
  )
}
