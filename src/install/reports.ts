/** The state of each node with its latest step and its symptom, for the local API and the metrics, and which nodes should serve. */
import type { Clock } from '../host/clock.ts'
import type { NodeModel } from '../plan/model.ts'
import type { TftpPlan } from '../plan/tftp.ts'
import { formatIp } from '../proto/address/ip.ts'
import { defined } from '../text/defined.ts'
import { formatDuration } from '../text/format.ts'
import type { InstallCode } from './codes.ts'
import type { Installs, NodeRecord } from './installs.ts'
import { stages } from './step-kinds.ts'
import type { Step } from './step.ts'
import { viewOf, type Diagnosis, type SymptomRow, type View } from './symptoms/boot-view.ts'
import { firmwareSymptoms } from './symptoms/firmware.ts'
import { secureBootSymptoms } from './symptoms/secure-boot.ts'
import { diskSymptoms, installerSymptoms, stalledSymptoms } from './symptoms/installer.ts'
import { latestStep, stageOf, timelineOf, type Boot, type Timeline } from './timeline.ts'

export type NodeReport = NodeRecord &
  Pick<NodeModel, 'role' | 'mac' | 'otherMacs' | 'fqdn'> & {
    readonly address: string
    /** The firmware of the latest boot from the network: `x64 UEFI`, `x64 UEFI, HTTP Boot`. */
    readonly firmware?: string
    /** The latest step of the latest boot; without a boot, the latest report of its cluster. */
    readonly step?: Step
    readonly symptom?: Symptom
  }

export type NodeDetails = NodeReport & Timeline

export type Reports = {
  /** Sorted as in the site file. */
  list(): readonly NodeReport[]
  /** As {@link list}, in several turns of the event loop, so that DNS and DHCP do not wait for many nodes. */
  listInTurns(): Promise<readonly NodeReport[]>
  details(node: string): NodeDetails | undefined
  close(): void
}

type Options = {
  readonly installs: Pick<Installs, 'list' | 'history' | 'subscribe'>
  /** Returns the nodes of the active plan. */
  readonly nodes: () => readonly NodeModel[]
  /** Returns who signed the loaders of the active plan, by requested name. */
  readonly signatures?: () => TftpPlan['signatures']
  readonly clock: Clock
  /** The maximum time in one turn of the event loop. */
  readonly turnMs?: number
}

export function createReports({ installs, nodes, signatures, clock, turnMs = 5 }: Options): Reports {
  /** Computed on demand, and again after a new observation of the node. */
  const timelines = new Map<string, Timeline>()
  const unsubscribe = installs.subscribe(({ node }) => void timelines.delete(node))

  function timeline(node: string): Timeline {
    const known = timelines.get(node)
    if (known !== undefined) return known
    const made = timelineOf(installs.history(node))
    timelines.set(node, made)
    return made
  }

  function report(model: NodeModel, record: NodeRecord): NodeReport {
    const { role, mac, otherMacs, fqdn, address } = model
    const history = timeline(record.node)
    const boot = history.boots.at(-1)
    const step = shownStep(boot?.steps ?? history.words, boot && latestStep(boot))
    const symptom = symptomOf({
      record,
      timeline: history,
      usesDhcp: usesDhcp(model),
      ...defined({ signatures: signatures?.() }),
      now: clock.now(),
    })
    const firmware = history.boots.map(firmwareOf).findLast((name) => name !== undefined)
    return {
      ...record,
      role,
      mac,
      ...defined({ otherMacs }),
      fqdn,
      address: formatIp(address),
      ...defined({ firmware }),
      ...(step && { step }),
      ...(symptom && { symptom }),
    }
  }

  function list(): NodeReport[] {
    const models = new Map(nodes().map((model) => [model.key, model]))
    return installs.list().flatMap((record) => {
      const model = models.get(record.node)
      return model === undefined ? [] : [report(model, record)]
    })
  }

  async function listInTurns(): Promise<NodeReport[]> {
    const models = new Map(nodes().map((model) => [model.key, model]))
    const reports: NodeReport[] = []
    let startedAt = performance.now()
    for (const record of installs.list()) {
      const model = models.get(record.node)
      if (model !== undefined) reports.push(report(model, record))
      if (performance.now() - startedAt < turnMs) continue
      await new Promise((resolve) => setImmediate(resolve))
      startedAt = performance.now()
    }
    return reports
  }

  return {
    list,
    listInTurns,
    details(node) {
      const model = nodes().find(({ key }) => key === node)
      const record = installs.list().find((each) => each.node === node)
      return model && record && { ...report(model, record), ...timeline(node) }
    },
    close: unsubscribe,
  }
}

function firmwareOf({ steps }: Boot): string | undefined {
  const step = steps.find(({ kind }) => kind === 'firmware-dhcp' || kind === 'http-firmware-dhcp')
  if (step === undefined || step.what === '') return undefined
  return step.kind === 'firmware-dhcp' ? step.what : `${step.what}, HTTP Boot`
}

/** Returns false if `ip=` gives the system a static address. */
function usesDhcp({ kernelArguments }: Pick<NodeModel, 'kernelArguments'>): boolean {
  return !kernelArguments.some((argument) => /^ip=[\d[]/.test(argument))
}

/**
 * Returns the step that the status shows. The kubelet of a Ready node renews its certificates, and the node stays Ready.
 *
 * @param latest by default the last of `steps`
 */
function shownStep(steps: readonly Step[], latest = steps.at(-1)): Step | undefined {
  const isApproval = latest?.kind === 'approved-client' || latest?.kind === 'approved-serving'
  const readiness = steps
    .filter(({ kind }) => kind === 'ready' || kind === 'not-ready' || kind === 'removed')
    .sort((a, b) => a.sequence - b.sequence)
    .at(-1)
  return isApproval && readiness?.kind === 'ready' ? readiness : latest
}

// Why a node does not continue: the first row of a table that matches its timeline. Pure.

export type Symptom = Diagnosis & { readonly name: string; readonly code: InstallCode }

type SymptomContext = Pick<View, 'record' | 'usesDhcp' | 'signatures'> & {
  readonly timeline: Timeline
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Sorted as in a boot. If two rows match, the earlier cause comes first. */
const rows: readonly SymptomRow[] = [
  ...secureBootSymptoms,
  ...firmwareSymptoms,
  ...installerSymptoms,
  ...diskSymptoms,
  ...stalledSymptoms,
]

const armedLongMs = 15 * 60_000
const attemptsWithoutEnd = 2

export function symptomOf({ timeline, now, ...context }: SymptomContext): Symptom | undefined {
  const { record } = context
  if (record.mode === 'failed') return installationFailed(record)
  const view = viewOf(bootsInQuestion(timeline.boots), now, context)
  for (const { name, code, diagnose } of view === undefined ? [] : rows) {
    const diagnosis = diagnose(view as View)
    if (diagnosis !== undefined) return { name, code, ...diagnosis }
  }
  return armedFromDisk(record, timeline.boots) ?? armedNotSeen(record, now) ?? installsAgain(record)
}

/** Skips a boot that only started if the boots before it all ended at the same later step before the disk. */
function bootsInQuestion(boots: readonly Boot[]): readonly Boot[] {
  const [last, before, first] = [boots.at(-1), boots.at(-2), boots.at(-3)].map(
    (boot) => boot && latestStep(boot),
  )
  if (last === undefined || before === undefined || first === undefined) return boots
  const isBehind = stageOf(last.kind) < stageOf(before.kind) && before.kind === first.kind
  return isBehind && stageOf(before.kind) < stages.disk ? boots.slice(0, -1) : boots
}

function installationFailed({ node, reason }: NodeRecord): Symptom {
  return {
    name: 'gave-up',
    code: 'install.failed',
    saw: `${reason}, and slipway does not try again automatically`,
    likely: 'an administrator must find the cause',
    advice: `read \`slipway node show ${node}\`; then run \`slipway node install ${node}\``,
  }
}

/** An armed node whose latest boot did not use the network; a renewed lease is not a boot. */
function armedFromDisk({ mode, since }: NodeRecord, boots: readonly Boot[]): Symptom | undefined {
  const boot = boots.at(-1)
  if (mode !== 'install' || boot?.kind !== 'disk' || boot.startedAt <= since) return undefined
  return {
    name: 'armed-from-disk',
    code: 'install.armed-from-disk',
    saw: 'is set to install, and its latest boot was from its disk',
    likely: 'its disk is before the network in its boot order, or network boot is turned off in its firmware',
    advice: 'put network boot first in its boot order, then restart it',
  }
}

function armedNotSeen(
  { node, mode, since, armedUntil, lastSeen = 0 }: NodeRecord,
  now: number,
): Symptom | undefined {
  if (mode !== 'install' || armedUntil === undefined || lastSeen > since || now - since < armedLongMs)
    return undefined
  return {
    name: 'armed-not-seen',
    code: 'install.armed-not-seen',
    saw: `was armed to install ${formatDuration(now - since)} ago and has not been seen since`,
    likely:
      'it was not restarted, boots from its disk first, or its MAC address is not the one in the site file',
    advice: `power ${node} on with the network first in its boot order; \`slipway nodes seen\` lists undeclared machines`,
  }
}

function installsAgain({ mode, attempt }: NodeRecord): Symptom | undefined {
  const isActive = mode === 'install' || mode === 'installing'
  if (!isActive || attempt === undefined || attempt.earlier < attemptsWithoutEnd) return undefined
  return {
    name: 'installs-again',
    code: 'install.repeated',
    saw: `starts its installation again and again: ${attempt.earlier} attempts failed`,
    likely: 'the machine resets itself, is power-cycled, or its installer fails each time',
    advice: 'watch its console during one attempt',
  }
}

/**
 * The maximum time from the written disk until the servers of a control-plane node run. The cluster is installed in
 * this time.
 */
const startMs = 60 * 60_000

/**
 * Before its installation, and while its system starts, it is normal that a node is down.
 *
 * @param now milliseconds since 1970
 * @returns a predicate: whether the node with this key should serve
 */
export function expectedNodes(records: readonly NodeRecord[], now: number): (node: string) => boolean {
  const expected = records.filter(
    ({ mode, since }) => (mode === 'installed' || mode === 'local') && now - since > startMs,
  )
  const keys = new Set(expected.map(({ node }) => node))
  return (node) => keys.has(node)
}
