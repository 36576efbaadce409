/** How a symptom looks at a node: the boot in question, its latest step, and how long nothing followed. Pure. */
import type { NodeRecord } from '../installs.ts'
import type { Step, StepKind } from '../step.ts'
import { latestStep, type Boot } from '../timeline.ts'

/** What is wrong: what was seen, why it probably is so, and what to do. Three sentences without a full stop. */
export type Diagnosis = { readonly saw: string; readonly likely: string; readonly advice: string }

export type View = {
  readonly record: NodeRecord
  readonly boot: Boot
  readonly latest: Step
  /** Since anything was seen of this boot. */
  readonly silentMs: number
  /** How many boots in a row came exactly as far, this one among them. */
  readonly alike: number
  /** Whether its systems are seen to ask for their addresses. */
  readonly usesDhcp: boolean
}

export type SymptomRow = {
  /** For programs, and in metrics. */
  readonly name: string
  readonly tell: (view: View) => Diagnosis | undefined
}

const second = 1000
const minute = 60 * second

/**
 * How long after a step the next one may take, on slow firmware and in an emulated machine without hardware help, where
 * starting a loader or unpacking an initramfs takes a minute.
 */
const stepTimeoutMs: Readonly<Record<StepKind, number>> = {
  'firmware-dhcp': 90 * second,
  'http-firmware-dhcp': 90 * second,
  // iPXE waits for the link of each of its network cards.
  loader: 2 * minute,
  'ipxe-dhcp': 90 * second,
  'install-script': minute,
  // A waiting node asks every few seconds.
  'wait-script': 2 * minute,
  'menu-script': 10 * minute,
  'local-script': 10 * minute,
  'failed-script': 10 * minute,
  kernel: minute,
  initramfs: 5 * minute,
  'live-dhcp': 5 * minute,
  rootfs: 10 * minute,
  metal: 10 * minute,
  ignition: 10 * minute,
  // A metal image on a slow disk.
  disk: 30 * minute,
  failed: 0,
  // Servers test their memory.
  reboot: 15 * minute,
  'disk-dhcp': Infinity,
  started: Infinity,
  'approved-client': Infinity,
  registered: Infinity,
  'approved-serving': Infinity,
  ready: Infinity,
  'not-ready': Infinity,
  removed: Infinity,
}

/** A download says at least once a second how far it is. */
const stalledMs = minute

/** @returns `undefined` when `boots` is empty */
export function viewOf(
  boots: readonly Boot[],
  now: number,
  about: Pick<View, 'record' | 'usesDhcp'>,
): View | undefined {
  const boot = boots.at(-1)
  if (boot === undefined) return undefined
  const latest = latestStep(boot)
  const other = boots.findLastIndex((each) => latestStep(each).kind !== latest.kind)
  const silentMs = Math.max(0, now - boot.endedAt)
  return { ...about, boot, latest, silentMs, alike: boots.length - 1 - other }
}

/** Whether the node came to one of these steps and no further: for too long, or already in its boot before. */
export function isStalledAt({ latest, silentMs, alike }: View, ...kinds: readonly StepKind[]): boolean {
  if (!kinds.includes(latest.kind)) return false
  const patience = stepTimeoutMs[latest.kind]
  return silentMs > (alike > 1 ? patience / 4 : patience)
}

export function isStalled({ latest, silentMs }: View): boolean {
  return latest.outcome === 'under-way' && latest.total !== undefined && silentMs > stalledMs
}

export function stepOf({ boot }: View, kind: StepKind): Step | undefined {
  return boot.steps.findLast((step) => step.kind === kind)
}
