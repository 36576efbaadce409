/**
 * The end-to-end test: machines with real firmware and real clients against `slipway serve`, in network
 * namespaces. Started by test/e2e/run, which sees to the packages.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { csrChecks } from './checks/csr.ts'
import { day2Checks } from './checks/day2.ts'
import { dhclientChecks } from './checks/dhclient.ts'
import { differentialDhcpChecks } from './checks/differential-dhcp.ts'
import { differentialDnsChecks } from './checks/differential-dns.ts'
import { dnsChecks } from './checks/dns.ts'
import { firmwareStages, timelines } from './checks/firmware.ts'
import { haproxyChecks } from './checks/haproxy.ts'
import { sharedAddressChecks } from './checks/haproxy-shared.ts'
import { httpChecks } from './checks/http.ts'
import { interopChecks } from './checks/interop.ts'
import { keepalivedChecks } from './checks/keepalived.ts'
import { lifeStages } from './checks/life.ts'
import { networkChecks } from './checks/networks.ts'
import { operationChecks, stopChecks } from './checks/operation.ts'
import { otherClientChecks } from './checks/other-clients.ts'
import { partialBootChecks } from './checks/partial-boots.ts'
import { sharedNetworkChecks } from './checks/shared-network.ts'
import { storyChecks } from './checks/story.ts'
import { tftpPortChecks } from './checks/tftp-ports.ts'
import { tftpChecks } from './checks/tftp.ts'
import { udhcpcChecks } from './checks/udhcpc.ts'
import { zoneChecks } from './checks/zones.ts'
import { createRig, type Rig } from './rig.ts'
import { runStage, type Stage, type Verdict } from './runner.ts'
import { formatTimelines } from './timeline.ts'

const usage = `usage: test/e2e/run [--only TEXT]... [--keep]

Boots virtual machines and runs real clients against slipway serve. Needs root.

  --only TEXT   only the checks whose name holds TEXT, or one of several; a group is one word
                and a colon: "firmware:", "dns:". Later checks of a group may need earlier ones.
  --keep        afterwards keep the network and the server until Ctrl-C

Logs, consoles and a capture of the network are in test/e2e/.work/run.`

const workDir = join(import.meta.dirname, '.work')

/** One after the other, because the clients share an interface. */
const clientChecks = [
  ...udhcpcChecks,
  ...dhclientChecks,
  ...networkChecks,
  ...otherClientChecks,
  ...sharedNetworkChecks,
  ...tftpChecks,
  ...tftpPortChecks,
  ...httpChecks,
  ...dnsChecks,
  ...differentialDnsChecks,
  ...differentialDhcpChecks,
  ...interopChecks,
  ...zoneChecks,
  ...haproxyChecks,
  ...sharedAddressChecks,
  ...operationChecks,
]

// Checks that were interrupted may still wait for something.
process.exit(await main())

async function main(): Promise<number> {
  const options = readArguments()
  if (typeof options === 'number') return options
  const stages = choose(options)
  if (stages.flat(2).length === 0) {
    console.error(
      `test:e2e: no check has ${options.only.map((text) => JSON.stringify(text)).join(' or ')} in its name`,
    )
    return 2
  }

  const interruption = new AbortController()
  const interrupted = Promise.withResolvers<undefined>()
  const interrupt = (): void => {
    console.log('interrupted, taking everything down')
    interruption.abort()
    interrupted.resolve(undefined)
  }
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)

  const startedAt = performance.now()
  const rig = await createRig(workDir)
  try {
    const running = runStages(stages, rig, interruption.signal)
    const verdicts = await Promise.race([running, interrupted.promise])
    if (verdicts === undefined) return 130
    const code = summarize(verdicts, (performance.now() - startedAt) / 1000)
    if (options.keep) {
      const shell = rig.network.inside('client', 'bash').join(' ')
      console.log(`the server runs until Ctrl-C; for a shell beside it: ${shell}`)
      await interrupted.promise
    }
    return code
  } finally {
    await rig.close()
  }
}

type Options = { readonly only: readonly string[]; readonly keep: boolean }

/** @returns an exit code when there is nothing to do */
function readArguments(): Options | number {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true, default: [''] },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (!values.help) return values
    console.log(usage)
    return 0
  } catch (error) {
    console.error(`test:e2e: ${(error as Error).message}\n${usage}`)
    return 2
  }
}

function choose({ only, keep }: Options): Stage[] {
  const stages = [
    ...firmwareStages,
    ...lifeStages,
    [partialBootChecks],
    [[...storyChecks, ...csrChecks, ...day2Checks], keepalivedChecks],
    [clientChecks],
    [[...(keep ? [] : stopChecks)]],
  ]
  return stages.map((stage) =>
    stage.map((lane) => lane.filter(({ name }) => only.some((text) => name.includes(text)))),
  )
}

async function runStages(stages: readonly Stage[], rig: Rig, interrupted: AbortSignal): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  for (const stage of stages) verdicts.push(...(await runStage(stage, rig, interrupted)))
  return verdicts
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
