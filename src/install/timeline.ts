/**
 * What a node did, told in steps: its observations become boots, and each boot the steps that were seen of it. Pure.
 * Steps may be missing, and the clock may have been set between two observations; their order is never in doubt.
 */
import type { NodeCommand, Observation } from './observation.ts'
import { glimpse, type StepUpdate, type Step, type StepKind } from './step.ts'

/** From one power-on, or the firmware's next attempt, to the next. */
export type Boot = {
  /** `disk`: nothing of its firmware was seen. */
  readonly kind: 'network' | 'disk'
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly endedAt: number
  /** In the order in which they began. */
  readonly steps: readonly Step[]
}

export type Timeline = {
  /** Oldest first. */
  readonly boots: readonly Boot[]
  readonly commands: readonly { readonly at: number; readonly command: NodeCommand }[]
  /** What its cluster said of it that no boot that was seen brought about; the latest of each kind. */
  readonly words: readonly Step[]
}

/** After this long without a sight, the same beginning is another boot. */
const quietMs = 5 * 60_000

/** A system asks more than once while it starts: in its initramfs, then for good. */
const systemStartMs = 2 * 60_000

/** How far on its way a boot is with a step. */
export const stages: Readonly<Record<StepKind, number>> = {
  'firmware-dhcp': 0,
  'http-firmware-dhcp': 0,
  loader: 1,
  'ipxe-dhcp': 2,
  'install-script': 3,
  'wait-script': 3,
  'menu-script': 3,
  'local-script': 3,
  'failed-script': 3,
  kernel: 4,
  initramfs: 4,
  'live-dhcp': 5,
  rootfs: 5,
  metal: 5,
  ignition: 5,
  disk: 5,
  failed: 5,
  reboot: 5,
  'disk-dhcp': 6,
  started: 6,
  'approved-client': 6,
  registered: 6,
  'approved-serving': 6,
  ready: 6,
  'not-ready': 6,
  removed: 6,
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }
type Draft = Writable<Step>
type BootDraft = {
  kind: Boot['kind']
  startedAt: number
  endedAt: number
  stage: number
  steps: Map<string, Draft>
}

/** @param observations of one node, oldest first */
export function timelineOf(observations: readonly Observation[]): Timeline {
  const boots: BootDraft[] = []
  const commands: Timeline['commands'][number][] = []
  const words = new Map<string, Draft>()
  for (const seen of observations) {
    if (seen.kind === 'command') commands.push({ at: seen.at, command: seen.command })
    const boot = boots.at(-1)
    if (seen.kind === 'cluster') {
      addWord(boots, words, seen)
      continue
    }
    const sight = glimpse(seen, boot !== undefined && isInstalling(boot) ? 'live-dhcp' : 'disk-dhcp')
    if (sight === undefined) continue
    if (boot !== undefined && !beginsBoot(sight, boot, seen.at)) {
      addStep(boot, sight, seen)
      continue
    }
    if (boot !== undefined) leave(boot, seen.at, 'unconfirmed')
    const kind = stages[sight.kind] === stages['disk-dhcp'] ? 'disk' : 'network'
    const startedAt = seen.at - (sight.durationMs ?? 0)
    const next: BootDraft = { kind, startedAt, endedAt: seen.at, stage: 0, steps: new Map() }
    addStep(next, sight, seen)
    boots.push(next)
  }
  return {
    boots: boots.map((boot, index) => finish(boot, index === boots.length - 1)),
    commands,
    words: [...words.values()],
  }
}

/** The step that was seen last. */
export function latestStep({ steps }: Boot): Step {
  // Of two with the same sight the later one follows from the other.
  return steps.reduce((latest, step) => (step.sequence >= latest.sequence ? step : latest))
}

/** Whether a system that asks now is the live one. */
function isInstalling({ stage, steps }: BootDraft): boolean {
  if (stage === stages['disk-dhcp'] || steps.has('disk') || steps.has('reboot')) return false
  if (stage === stages['live-dhcp']) return true
  return [...steps.values()].some(({ kind, outcome }) => kind === 'initramfs' && outcome !== 'aborted')
}

function beginsBoot({ kind }: StepUpdate, boot: BootDraft, at: number): boolean {
  const { stage, steps } = boot
  const isQuiet = at - boot.endedAt > quietMs
  switch (kind) {
    case 'firmware-dhcp':
    case 'http-firmware-dhcp':
      return stage > stages[kind] || !steps.has(kind) || isQuiet
    case 'loader':
      return stage > stages['ipxe-dhcp']
    case 'ipxe-dhcp':
      return stage > stages[kind] || (steps.has(kind) && isQuiet)
    case 'install-script':
    case 'wait-script':
    case 'menu-script':
    case 'local-script':
    case 'failed-script':
    case 'kernel':
    case 'initramfs':
      return stage > stages.initramfs
    case 'rootfs':
    case 'metal':
      return stage > stages[kind]
    case 'disk-dhcp':
      if (stage === stages[kind]) return at - boot.endedAt > systemStartMs
      return steps.has('disk') || steps.has('reboot') || isQuiet
    case 'started':
      return stage < stages[kind] && (steps.has('disk') || steps.has('reboot'))
    case 'live-dhcp':
    case 'ignition':
    case 'disk':
    case 'failed':
    case 'reboot':
      return false
  }
}

/**
 * Of a cluster's words, Ready and its like say that a system runs, so they belong to the latest boot in which one may
 * run; that nothing is heard of a node any more, to the latest in which one ran. They never begin a boot.
 */
function addWord(
  boots: readonly BootDraft[],
  words: Map<string, Draft>,
  { word: kind, at, sequence, since = at, reason }: Observation & { kind: 'cluster' },
): void {
  const isAbsence = kind === 'not-ready' || kind === 'removed'
  const boot = boots.findLast(isAbsence ? hasSystem : mayHaveSystem)
  const steps = boot?.steps ?? words
  const count = (steps.get(kind)?.count ?? 0) + 1
  // By another clock, which nobody has to believe.
  const startedAt = Math.max(boot?.startedAt ?? since, Math.min(since, at))
  steps.delete(kind)
  steps.set(kind, {
    ...{ kind, what: '', outcome: 'done', startedAt, endedAt: startedAt, durationMs: 0, count, sequence },
    ...(reason === undefined ? {} : { reason }),
  })
  if (boot === undefined || isAbsence) return
  leave(boot, at, 'done')
  boot.stage = stages[kind]
}

function hasSystem({ stage }: BootDraft): boolean {
  return stage === stages['disk-dhcp']
}

function mayHaveSystem({ stage, steps }: BootDraft): boolean {
  if (stage >= stages['live-dhcp']) return true
  return [...steps.values()].some(({ kind }) => kind === 'local-script' || kind === 'menu-script')
}

function addStep(boot: BootDraft, sight: StepUpdate, { at, sequence }: Observation): void {
  const { key, isAnother, durationMs: transferMs, ...facts } = sight
  const before = boot.steps.get(key)
  const startedAt = before?.startedAt ?? at - (transferMs ?? 0)
  const durationMs = transferMs ?? elapsed(startedAt, at)
  const count = before === undefined ? 1 : before.count + (isAnother(before) ? 1 : 0)
  const isProbedAfterAll = facts.outcome === 'probed' && before !== undefined && before.outcome !== 'probed'
  if (isProbedAfterAll) {
    before.sequence = sequence
  } else {
    boot.steps.set(key, {
      ...facts,
      ...{ startedAt, endedAt: Math.max(startedAt, at), durationMs, count, sequence },
      ...rateOf(facts.octets, transferMs),
    })
  }
  boot.endedAt = at
  boot.stage = Math.max(boot.stage, stages[sight.kind])
  follow(boot, sight, at, sequence)
}

/** What begins, unseen, with the end of another step. */
function follow(boot: BootDraft, { kind, what, outcome }: StepUpdate, at: number, sequence: number): void {
  const next = { what: '', startedAt: at, endedAt: at, durationMs: 0, count: 1, sequence }
  const isRoleRead = kind === 'ignition' && outcome === 'done' && what !== 'live'
  if (isRoleRead && boot.stage < stages['disk-dhcp'] && !boot.steps.has('disk')) {
    boot.steps.set('disk', { ...next, kind: 'disk', outcome: 'under-way' })
  }
  if (kind === 'disk') boot.steps.set('reboot', { ...next, kind: 'reboot', outcome: 'under-way' })
  const disk = boot.steps.get('disk')
  if (kind === 'failed' && disk?.outcome === 'under-way') disk.outcome = 'aborted'
}

/** The node was seen to go on. @param disk how what nobody confirmed ended */
function leave({ steps }: BootDraft, at: number, disk: 'done' | 'unconfirmed'): void {
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
    // A waiting node was let go on; of a download nothing more was heard.
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
