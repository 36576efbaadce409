/**
 * The end-to-end test: machines with real firmware and real clients against `slipway serve`, in network
 * namespaces. Started by test/e2e/run, which sees to the packages.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dhclientChecks } from './checks/dhclient.ts'
import { dnsChecks } from './checks/dns.ts'
import { firmwareStages, timelines } from './checks/firmware.ts'
import { haproxyChecks } from './checks/haproxy.ts'
import { httpChecks } from './checks/http.ts'
import { operationChecks } from './checks/operation.ts'
import { tftpChecks } from './checks/tftp.ts'
import { udhcpcChecks } from './checks/udhcpc.ts'
import { createRig, type Rig } from './rig.ts'
import { runStage, type Stage, type Verdict } from './runner.ts'
import { formatTimelines } from './timeline.ts'

const usage = `usage: test/e2e/run [--only TEXT] [--keep]

Boots virtual machines and runs real clients against slipway serve. Needs root.

  --only TEXT   only the checks whose name holds TEXT; a group is one word and a
                colon: "firmware:", "dns:". Later checks of a group may need earlier ones.
  --keep        afterwards keep the network and the server until Ctrl-C

Logs, consoles and a capture of the network are in test/e2e/.work/run.`

const workDir = join(import.meta.dirname, '.work')

/** One after the other, because the clients share an interface; the last one ends the server. */
const clientChecks = [
  ...udhcpcChecks,
  ...dhclientChecks,
  ...tftpChecks,
  ...httpChecks,
  ...dnsChecks,
  ...haproxyChecks,
  ...operationChecks,
]

// Checks that were interrupted may still wait for something.
process.exit(await main())

async function main(): Promise<number> {
  const options = readArguments()
  if (options === undefined) return 2
  const startedAt = performance.now()
  let rig: Rig | undefined
  const interrupted = Promise.withResolvers<undefined>()
  const interrupt = (): void => {
    console.log('interrupted, taking everything down')
    interrupted.resolve(undefined)
  }
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  try {
    rig = await createRig(workDir)
    const stages = only(options.only, [...firmwareStages, [clientChecks]])
    const verdicts = await Promise.race([runStages(stages, rig), interrupted.promise])
    if (verdicts === undefined) return 130
    if (options.keep) await keep(rig, interrupted.promise)
    return summarize(verdicts, (performance.now() - startedAt) / 1000)
  } finally {
    await rig?.close()
  }
}

function readArguments(): { only: string; keep: boolean } | undefined {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', default: '' },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (!values.help) return values
    console.log(usage)
  } catch (error) {
    console.error(`test:e2e: ${(error as Error).message}\n${usage}`)
  }
  return undefined
}

function only(text: string, stages: readonly Stage[]): Stage[] {
  return stages.map((stage) => stage.map((lane) => lane.filter(({ name }) => name.includes(text))))
}

async function runStages(stages: readonly Stage[], rig: Rig): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  for (const stage of stages) verdicts.push(...(await runStage(stage, rig)))
  return verdicts
}

async function keep(rig: Rig, interrupted: Promise<undefined>): Promise<void> {
  console.log(
    `kept until Ctrl-C; a shell beside the clients: ${rig.network.inside('client', 'bash').join(' ')}`,
  )
  await interrupted
}

function summarize(verdicts: readonly Verdict[], seconds: number): number {
  if (timelines.size > 0) console.log(`\n${formatTimelines(timelines)}`)
  const failed = verdicts.filter(({ failure }) => failure !== undefined)
  console.log(
    `\n${verdicts.length - failed.length} of ${verdicts.length} checks passed in ${seconds.toFixed(0)} s`,
  )
  for (const { name, failure } of failed) console.log(`NOT OK  ${name}\n        ${failure ?? ''}`)
  return verdicts.length > 0 && failed.length === 0 ? 0 : 1
}
