/**
 * Builds the timeline of a node: groups its observations into boots, and each boot into steps. Pure. Steps may be
 * missing, and the clock may have been set between two observations; the sequence numbers give the order.
 */
import type { NodeCommand, Observation } from './observation.ts'
import { defined } from '../text/defined.ts'
import { stages, stepKinds, type StepKind } from './step-kinds.ts'
import { stepUpdateOf, type StepUpdate, type Step } from './step.ts'

/** From one power-on, or boot attempt of the firmware, to the next. */
export type Boot = {
  /** `disk`: no step of its firmware was observed. */
  readonly kind: 'network' | 'disk'
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly endedAt: number
  /** Sorted by their start. */
  readonly steps: readonly Step[]
}

export type Timeline = {
  /** Oldest first. */
  readonly boots: readonly Boot[]
  readonly commands: readonly { readonly at: number; readonly command: NodeCommand }[]
  /** The latest report of each kind from its cluster that does not belong to an observed boot. */
  readonly words: readonly Step[]
}

/** Returns the position of a step in a boot. */
export function stageOf(kind: StepKind): number {
  return stepKinds[kind].stage
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }
type Draft = Writable<Step>
type BootDraft = {
  kind: Boot['kind']
  startedAt: number
  endedAt: number
  stage: number
  steps: Map<string, Draft>
  /** The recent reports of active downloads, oldest first. */
  reports: Map<string, readonly Progress[]>
}

/** How much of a download was sent at a given time. */
type Progress = { readonly at: number; readonly octets: number }

/** The rate of an active download is its average over this time. */
const rateWindowMs = 10_000

/** @param observations of one node, oldest first */
export function timelineOf(observations: readonly Observation[]): Timeline {
  const boots: BootDraft[] = []
  const commands: Timeline['commands'][number][] = []
  const reports = new Map<string, Draft>()
  for (const seen of observations) {
    if (seen.kind === 'command') commands.push({ at: seen.at, command: seen.command })
    const boot = boots.at(-1)
    if (seen.kind === 'cluster') {
      addReport(boots, reports, seen)
      continue
    }
    const update = stepUpdateOf(seen, boot !== undefined && isInstalling(boot) ? 'live-dhcp' : 'disk-dhcp')
    if (update === undefined) continue
    if (boot !== undefined && !startsBoot(update, boot, seen.at)) {
      addStep(boot, update, seen)
      continue
    }
    if (boot !== undefined) endActive(boot, seen.at, 'unconfirmed')
    const kind = stageOf(update.kind) === stages.disk ? 'disk' : 'network'
    const startedAt = seen.at - (update.durationMs ?? 0)
    const next: BootDraft = {
      kind,
      startedAt,
      endedAt: seen.at,
      stage: 0,
      steps: new Map(),
      reports: new Map(),
    }
    addStep(next, update, seen)
    boots.push(next)
  }
  return {
    boots: boots.map((boot, index) => finish(boot, index === boots.length - 1)),
    commands,
    words: [...reports.values()],
  }
}

/** Returns the step with the latest observation. */
export function latestStep({ steps }: Boot): Step {
  // One observation can lead to two steps: the later one follows from the other.
  return steps.reduce((latest, step) => (step.sequence >= latest.sequence ? step : latest))
}

/** Returns whether a Linux system that sends a DHCP request now is the live system. */
function isInstalling({ stage, steps }: BootDraft): boolean {
  if (stage === stages.disk || steps.has('disk') || steps.has('reboot')) return false
  if (stage === stages.live) return true
  return [...steps.values()].some(({ kind, outcome }) => kind === 'initramfs' && outcome !== 'aborted')
}

function startsBoot({ kind }: StepUpdate, boot: BootDraft, at: number): boolean {
  const { stage: reached, steps, endedAt } = boot
  return stepKinds[kind].startsBoot({
    stage: reached,
    has: (key) => steps.has(key),
    quietMs: at - endedAt,
  })
}

/**
 * Adds a report of the cluster. Reports that a system runs belong to the latest boot in which a system may run;
 * reports that it stopped belong to the latest boot in which one ran. They never start a boot.
 */
function addReport(
  boots: readonly BootDraft[],
  reports: Map<string, Draft>,
  { word: kind, at, sequence, since = at, reason }: Observation & { kind: 'cluster' },
): void {
  const isAbsence = kind === 'not-ready' || kind === 'removed'
  const boot = boots.findLast(isAbsence ? hasSystem : mayHaveSystem)
  const steps = boot?.steps ?? reports
  const count = (steps.get(kind)?.count ?? 0) + 1
  // The time comes from another clock: it is limited to the range of the boot.
  const startedAt = Math.max(boot?.startedAt ?? since, Math.min(since, at))
  steps.delete(kind)
  steps.set(kind, {
    kind,
    what: '',
    outcome: 'done',
    startedAt,
    endedAt: startedAt,
    durationMs: 0,
    count,
    sequence,
    ...(reason === undefined ? {} : { reason }),
  })
  if (boot === undefined || isAbsence) return
  endActive(boot, at, 'done')
  // The discovery image runs before the system on the disk.
  boot.stage = Math.max(boot.stage, stageOf(kind))
}

function hasSystem({ stage }: BootDraft): boolean {
  return stage === stages.disk
}

function mayHaveSystem({ stage, steps }: BootDraft): boolean {
  if (stage >= stages.live) return true
  return [...steps.values()].some(({ kind }) => kind === 'local-script' || kind === 'menu-script')
}

function addStep(boot: BootDraft, update: StepUpdate, { at, sequence }: Observation): void {
  const { key, isAnother, durationMs: transferMs, ...facts } = update
  const before = boot.steps.get(key)
  // A client that repeats its request did not boot from the other server, whose offer it accepted before.
  const isElsewhere = before?.server !== undefined && facts.outcome === 'offered'
  // The note about invalid options belongs to the whole DHCP exchange.
  const hasNote = update.kind.endsWith('-dhcp') && (before?.server === undefined || isElsewhere)
  const note = hasNote ? before?.reason : undefined
  const startedAt = before?.startedAt ?? at - (transferMs ?? 0)
  const durationMs = transferMs ?? elapsed(startedAt, at)
  const count = before === undefined ? 1 : before.count + (isAnother(before) ? 1 : 0)
  const isProbeOfKnownFile = facts.outcome === 'probed' && before !== undefined && before.outcome !== 'probed'
  if (isProbeOfKnownFile) {
    before.sequence = sequence
  } else {
    boot.steps.set(key, {
      ...(note !== undefined && { reason: note }),
      ...(isElsewhere && defined({ server: before.server })),
      ...facts,
      startedAt,
      endedAt: Math.max(startedAt, at),
      durationMs,
      count,
      sequence,
      ...rateOf(facts.octets, transferMs),
      ...(facts.outcome === 'under-way' && progressOf(boot, update, before, at)),
    })
  }
  boot.endedAt = at
  boot.stage = Math.max(boot.stage, stageOf(update.kind))
  follow(boot, update, at, sequence)
}

/** Returns the rate over the last seconds, and the time of the last progress. Returns nothing for a step without a size. */
function progressOf(
  boot: BootDraft,
  { key, octets, total, isAnother }: StepUpdate,
  before: Draft | undefined,
  at: number,
): Pick<Step, 'octetsPerSecond' | 'progressAt'> {
  if (octets === undefined || total === undefined) return {}
  const isContinued = before !== undefined && !isAnother(before)
  const earlier = isContinued ? (boot.reports.get(key) ?? []) : []
  const isProgress = octets > (earlier.at(-1)?.octets ?? -1)
  const progressAt = isProgress ? at : (before?.progressAt ?? at)
  const recent = [...earlier.filter((each) => each.at >= at - rateWindowMs), { at, octets }]
  boot.reports.set(key, recent)
  const first = recent[0] as Progress
  return { progressAt, ...rateOf(octets - first.octets, at - first.at) }
}

/** Adds the step that starts, unobserved, when another step ends. */
function follow(boot: BootDraft, { kind, what, outcome }: StepUpdate, at: number, sequence: number): void {
  const next = { what: '', startedAt: at, endedAt: at, durationMs: 0, count: 1, sequence }
  const isRoleRead = kind === 'ignition' && what !== 'live'
  // The installer of another operating system waits for the permission, or writes the disk without one.
  const isPermission =
    kind === 'disk-check' && [...boot.steps.values()].some((step) => step.kind === 'answers')
  if (
    (isRoleRead || isPermission) &&
    outcome === 'done' &&
    boot.stage < stages.disk &&
    !boot.steps.has('disk')
  ) {
    boot.steps.set('disk', { ...next, kind: 'disk', outcome: 'under-way' })
  }
  if (kind === 'disk') boot.steps.set('reboot', { ...next, kind: 'reboot', outcome: 'under-way' })
  const disk = boot.steps.get('disk')
  if (kind === 'failed' && disk?.outcome === 'under-way') disk.outcome = 'aborted'
}

/** Ends the steps that were active before a later observation. @param disk outcome of a disk step without a callback */
function endActive({ steps }: BootDraft, at: number, disk: 'done' | 'unconfirmed'): void {
  const reboot = steps.get('reboot')
  if (reboot?.outcome === 'under-way') {
    reboot.outcome = 'done'
    reboot.endedAt = Math.max(reboot.startedAt, at)
    reboot.durationMs = elapsed(reboot.startedAt, at)
  }
  const writing = steps.get('disk')
  if (writing?.outcome === 'under-way') writing.outcome = disk
}

function finish({ kind, startedAt, endedAt, steps }: BootDraft, isLast: boolean): Boot {
  const boot: Boot = { kind, startedAt, endedAt: Math.max(startedAt, endedAt), steps: [...steps.values()] }
  const latest = latestStep(boot)
  for (const step of steps.values()) {
    if (step.outcome !== 'under-way' || step.kind === 'disk' || step.kind === 'reboot') continue
    if (isLast && step.sequence === latest.sequence) continue
    // A waiting node continued; a download sent nothing more.
    step.outcome = step.kind === 'wait-script' && step !== latest ? 'done' : 'aborted'
  }
  return boot
}

function elapsed(from: number, to: number): number {
  return Math.max(0, to - from)
}

function rateOf(octets: number | undefined, durationMs: number | undefined): { octetsPerSecond?: number } {
  if (octets === undefined || durationMs === undefined || durationMs <= 0) return {}
  return { octetsPerSecond: Math.round((octets * 1000) / durationMs) }
}
