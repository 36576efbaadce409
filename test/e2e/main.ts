/**
 * The end-to-end test: machines with real firmware and real clients against `slipway serve`, in network namespaces.
 * Started by test/e2e/run, which installs the packages.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bmcChecks } from './checks/bmc.ts'
import { completionChecks } from './checks/completion.ts'
import { csrChecks } from './checks/csr.ts'
import { day2Checks } from './checks/day2.ts'
import { dhclientChecks } from './checks/dhclient.ts'
import { differentialDhcpChecks } from './checks/differential-dhcp.ts'
import { differentialDnsChecks } from './checks/differential-dns.ts'
import { differentialHttpChecks } from './checks/differential-http.ts'
import { differentialTftpChecks } from './checks/differential-tftp.ts'
import { dnsChecks } from './checks/dns.ts'
import { firmwareStages, timelines } from './checks/firmware.ts'
import { haproxyChecks } from './checks/haproxy.ts'
import { sharedAddressChecks } from './checks/haproxy-shared.ts'
import { hookChecks } from './checks/hooks.ts'
import { httpChecks } from './checks/http.ts'
import { interopChecks } from './checks/interop.ts'
import { keepalivedChecks } from './checks/keepalived.ts'
import { loaderChecks } from './checks/loaders.ts'
import { libvirtChecks } from './checks/libvirt.ts'
import { installationStages } from './checks/installation.ts'
import { monitoringChecks } from './checks/monitoring.ts'
import { nodeCheckChecks } from './checks/node-check.ts'
import { networkChecks } from './checks/networks.ts'
import { captureChecks } from './checks/capture.ts'
import { operationChecks, stopChecks } from './checks/operation.ts'
import { nodeNetworkChecks } from './checks/shapes/node-network.ts'
import { otherClientChecks } from './checks/other-clients.ts'
import { partialBootChecks } from './checks/partial-boots.ts'
import { secureBootChecks } from './checks/secure-boot.ts'
import { inventoryChecks } from './checks/shapes/inventory.ts'
import { ownKeyChecks } from './checks/secure-boot-own-keys.ts'
import { signedIpxeChecks, signedIpxePrefix } from './checks/signed-ipxe.ts'
import { secureHttpBootCheck } from './checks/secure-boot-http.ts'
import { syslogChecks } from './checks/shapes/syslog.ts'
import { assistedChecks } from './checks/shapes/assisted.ts'
import { disconnectedChecks } from './checks/shapes/disconnected.ts'
import { sharedNetworkChecks } from './checks/shared-network.ts'
import { clusterLifecycleChecks } from './checks/cluster-lifecycle.ts'
import { storeChecks } from './checks/store.ts'
import { tftpPortChecks } from './checks/tftp-ports.ts'
import { menuEntryChecks } from './checks/menu-entry.ts'
import { tftpChecks } from './checks/tftp.ts'
import { udhcpcChecks } from './checks/udhcpc.ts'
import { parentChecks } from './checks/parents.ts'
import { zoneChecks } from './checks/zones.ts'
import { createDisksRig } from './disks/rig.ts'
import { createDiskMachines } from './disks/machines.ts'
import { disksPrefix, diskStages, diskStartStages } from './disks/stages.ts'
import { httpsChecks } from './https/checks.ts'
import { httpsLoaderChecks } from './https/loader-checks.ts'
import { createLoaderRig } from './https/loader-rig.ts'
import { createHttpsRig } from './https/rig.ts'
import { createIpv6Rig } from './ipv6/rig.ts'
import { ipv6Stages } from './ipv6/stages.ts'
import { realPrefix, realStages } from './real/stages.ts'
import { createRealRig } from './real/rig.ts'
import { createSystemsRig } from './systems/rig.ts'
import { systemsPrefix, systemsStages } from './systems/stages.ts'
import { createRig } from './rig.ts'
import { runStage, type Environment, type Stage, type CheckResult } from './runner.ts'
import { formatTimelines } from './boot-phases.ts'

const usage = `Usage: test/e2e/run [--only TEXT]... [--keep]

Boots virtual machines and runs real clients against slipway serve. Needs root.

  --only TEXT   run only the checks whose name contains TEXT; can be repeated. The name starts
                with a group, for example "firmware:" or "dns:". A check can depend on the
                checks before it in its group. "packages:" builds the packages and installs
                them on bare systems; "page:" opens the web page in Chromium; "api:" sends generated
                requests to the API. Each of the three runs only by itself.
                "real:" selects a complete installation on a real control plane. It runs only
                if it is selected, because it builds Kubernetes and coreos-installer the first
                time (up to 60 minutes), and takes 20 to 40 minutes later. "https:" installs a machine over
                HTTPS with the same builds, except "https: iPXE", which needs no build. "disks:" starts
                systems from mirrors and multipath devices, and installs machines with several disks.
                "signed-ipxe:" boots with Secure Boot through shim and a signed iPXE, and through a shim that is
                revoked. It runs only if it is selected.
                "systems:" boots the installer of Debian, and lets validators read the files of other
                installers. It runs only if it is selected (10 minutes).
  --keep        keep the network and the server running after the checks, until Ctrl-C

Logs, consoles, and captures of the network are in test/e2e/.work/run, those of "ipv6:" in
test/e2e/.work/ipv6, and those of "real:" and "systems:" in test/e2e/.work/real and systems. What "real:" builds is in ~/.cache/slipway-e2e, or $SLIPWAY_E2E_CACHE.`

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
  ...differentialTftpChecks,
  ...differentialHttpChecks,
  ...interopChecks,
  ...zoneChecks,
  ...parentChecks,
  ...haproxyChecks,
  ...sharedAddressChecks,
  ...captureChecks,
  ...operationChecks,
  ...nodeCheckChecks,
  ...hookChecks,
  ...monitoringChecks,
  ...syslogChecks,
]

// Interrupted checks may still be waiting.
process.exit(await main())

async function main(): Promise<number> {
  const options = readArguments()
  if (typeof options === 'number') return options
  const isSignedIpxe = options.only.some((text) => text.startsWith(signedIpxePrefix))
  const stages = choose(
    [...standardStages(options), ...(isSignedIpxe ? [[signedIpxeChecks]] : [])],
    options.only,
  )
  const ipv6 = choose(ipv6Stages, options.only)
  const isReal = options.only.some((text) => text.startsWith(realPrefix))
  const isDisks = options.only.some((text) => text.startsWith(disksPrefix))
  const disks = isDisks ? choose(diskStages, options.only) : []
  const diskStarts = isDisks ? choose(diskStartStages, options.only) : []
  const real = isReal ? choose(realStages, options.only) : []
  const isHttps = options.only.some((text) => text.startsWith('https:'))
  const https = isHttps ? choose([[httpsChecks]], options.only) : []
  const loader = isHttps ? choose([[httpsLoaderChecks]], options.only) : []
  const isSystems = options.only.some((text) => text.startsWith(systemsPrefix))
  const systems = isSystems ? choose(systemsStages, options.only) : []
  const all = [stages, ipv6, real, https, loader, disks, diskStarts, systems]
  if (all.every((each) => each.length === 0)) {
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
  const run = async (): Promise<CheckResult[]> => [
    ...(await runStages(stages, { ...options, create: () => createRig(workDir), shell: 'client' })),
    ...(await runStages(ipv6, { ...options, create: () => createIpv6Rig(workDir), shell: 'client' })),
    ...(await runStages(loader, { ...options, create: () => createLoaderRig(workDir), shell: 'appliance' })),
    ...(await runStages(https, { ...options, create: () => createHttpsRig(workDir), shell: 'appliance' })),
    ...(await runStages(real, { ...options, create: () => createRealRig(workDir), shell: 'appliance' })),
    ...(await runStages(diskStarts, {
      ...options,
      create: () => createDiskMachines(workDir),
      shell: 'appliance',
    })),
    ...(await runStages(disks, { ...options, create: () => createDisksRig(workDir), shell: 'appliance' })),
    ...(await runStages(systems, {
      ...options,
      create: () => createSystemsRig(workDir),
      shell: 'appliance',
    })),
  ]

  /** Runs stages in an environment of their own, which is not created if there is no check. */
  async function runStages<Shell extends string, R extends Environment<Shell>>(
    chosen: readonly Stage<R>[],
    { keep, create, shell }: { keep: boolean; create: () => Promise<R>; shell: Shell },
  ): Promise<CheckResult[]> {
    if (chosen.flat().length === 0 || interruption.signal.aborted) return []
    const rig = await create()
    closing.push(() => rig.close())
    const results: CheckResult[] = []
    for (const stage of chosen) results.push(...(await runStage(stage, rig, interruption.signal)))
    if (keep) {
      const inside = rig.network.inside(shell, 'bash').join(' ')
      console.log(`the server runs until Ctrl-C; to open a shell on the ${shell}, run: ${inside}`)
      await interrupted.promise
    }
    await rig.close()
    closing.pop()
    return results
  }

  const closing: (() => Promise<void>)[] = []
  try {
    const results = await Promise.race([run(), interrupted.promise])
    return results === undefined ? 130 : summarize(results, (performance.now() - startedAt) / 1000)
  } finally {
    for (const close of closing) await close()
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

function standardStages({ keep }: Options): Stage[] {
  return [
    ...firmwareStages,
    ...installationStages,
    [partialBootChecks, libvirtChecks, bmcChecks],
    [menuEntryChecks],
    [inventoryChecks],
    [nodeNetworkChecks, [...secureBootChecks, secureHttpBootCheck, ...ownKeyChecks]],
    [disconnectedChecks, assistedChecks],
    // These use no namespace of the network.
    [loaderChecks, [...completionChecks, ...storeChecks]],
    [[...clusterLifecycleChecks, ...csrChecks, ...day2Checks], keepalivedChecks],
    [clientChecks],
    [[...(keep ? [] : stopChecks)]],
  ]
}

/** Returns the stages with the checks whose name contains one of the texts. */
function choose<R>(stages: readonly Stage<R>[], only: readonly string[]): Stage<R>[] {
  return stages
    .map((stage) =>
      stage
        .map((lane) => lane.filter(({ name }) => only.some((text) => name.includes(text))))
        .filter((lane) => lane.length > 0),
    )
    .filter((stage) => stage.length > 0)
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
