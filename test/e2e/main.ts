/**
 * The end-to-end test: machines with real firmware and real clients against `slipway serve`, in network namespaces.
 * Started by test/e2e/run, which installs the packages.
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
import { installationStages } from './checks/installation.ts'
import { networkChecks } from './checks/networks.ts'
import { operationChecks, stopChecks } from './checks/operation.ts'
import { otherClientChecks } from './checks/other-clients.ts'
import { partialBootChecks } from './checks/partial-boots.ts'
import { sharedNetworkChecks } from './checks/shared-network.ts'
import { clusterLifecycleChecks } from './checks/cluster-lifecycle.ts'
import { tftpPortChecks } from './checks/tftp-ports.ts'
import { tftpChecks } from './checks/tftp.ts'
import { udhcpcChecks } from './checks/udhcpc.ts'
import { zoneChecks } from './checks/zones.ts'
import { createRig, type Rig } from './rig.ts'
import { runStage, type Stage, type CheckResult } from './runner.ts'
import { formatTimelines } from './boot-phases.ts'

const usage = `Usage: test/e2e/run [--only TEXT]... [--keep]

Boots virtual machines and runs real clients against slipway serve. Needs root.

  --only TEXT   run only the checks whose name contains TEXT; can be repeated. The name starts
                with a group, for example "firmware:" or "dns:". A check can depend on the
                checks before it in its group.
  --keep        keep the network and the server running after the checks, until Ctrl-C

Logs, consoles, and captures of the network are in test/e2e/.work/run.`

const workDir = join(import.meta.dirname, '.work')

/** Run in sequence, because the clients share an interface. */
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

// Interrupted checks may still be waiting.
process.exit(await main())

async function main(): Promise<number> {
  const options = readArguments()
  if (typeof options === 'number') return options
  const stages = choose(options)
  if (stages.flat(2).length === 0) {
    console.error(
      `test:e2e: no check name contains ${options.only.map((text) => JSON.stringify(text)).join(' or ')}`,
    )
    return 2
  }

  const interruption = new AbortController()
  const interrupted = Promise.withResolvers<undefined>()
  const interrupt = (): void => {
    console.log('interrupted, stopping all processes and removing the network')
    interruption.abort()
    interrupted.resolve(undefined)
  }
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)

  const startedAt = performance.now()
  const rig = await createRig(workDir)
  try {
    const running = runStages(stages, rig, interruption.signal)
    const results = await Promise.race([running, interrupted.promise])
    if (results === undefined) return 130
    const code = summarize(results, (performance.now() - startedAt) / 1000)
    if (options.keep) {
      const shell = rig.network.inside('client', 'bash').join(' ')
      console.log(`the server runs until Ctrl-C; to open a shell on the client, run: ${shell}`)
      await interrupted.promise
    }
    return code
  } finally {
    await rig.close()
  }
}

type Options = { readonly only: readonly string[]; readonly keep: boolean }

/** @returns an exit code if no checks are to be run */
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
    ...installationStages,
    [partialBootChecks],
    [[...clusterLifecycleChecks, ...csrChecks, ...day2Checks], keepalivedChecks],
    [clientChecks],
    [[...(keep ? [] : stopChecks)]],
  ]
  return stages.map((stage) =>
    stage.map((lane) => lane.filter(({ name }) => only.some((text) => name.includes(text)))),
  )
}

async function runStages(
  stages: readonly Stage[],
  rig: Rig,
  interrupted: AbortSignal,
): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  for (const stage of stages) results.push(...(await runStage(stage, rig, interrupted)))
  return results
}

function summarize(results: readonly CheckResult[], seconds: number): number {
  if (timelines.size > 0) console.log(`\n${formatTimelines(timelines)}`)
  const failed = results.filter(({ failure }) => failure !== undefined)
  console.log(
    `\n${results.length - failed.length} of ${results.length} checks passed in ${seconds.toFixed(0)} s`,
  )
  for (const { name, failure } of failed) console.log(`NOT OK  ${name}\n        ${failure ?? ''}`)
  return results.length > 0 && failed.length === 0 ? 0 : 1
}
