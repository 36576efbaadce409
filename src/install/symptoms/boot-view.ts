/** The facts that a symptom reads: the boot in question, its latest step, and how long no further step followed. Pure. */
import type { LoaderSignature } from '../../plan/loader-signature.ts'
import type { InstallCode } from '../codes.ts'
import type { NodeRecord } from '../installs.ts'
import { stepKinds, type StepKind } from '../step-kinds.ts'
import { defined } from '../../text/defined.ts'
import type { Step } from '../step.ts'
import { latestStep, type Boot } from '../timeline.ts'

/** What was observed, the likely reason, and what to do: three sentences without a full stop. */
export type Diagnosis = { readonly saw: string; readonly likely: string; readonly advice: string }

export type View = {
  readonly record: NodeRecord
  readonly boot: Boot
  readonly latest: Step
  /** The boot before it. */
  readonly previous?: Boot
  /** Time since the last step of this boot. */
  readonly silentMs: number
  /**
   * How many passes through the boot order in a row, including this one, ended at the same step. In one pass, the
   * firmware can boot from the network several times: by PXE, by HTTP Boot, and with an iPXE of its own.
   */
  readonly alike: number
  /** Whether its systems request their addresses by DHCP. */
  readonly usesDhcp: boolean
  /** Who signed the loaders of images, by requested name. */
  readonly signatures?: ReadonlyMap<string, LoaderSignature>
}

export type SymptomRow = {
  /** Published in JSON and metrics. */
  readonly name: string
  readonly code: InstallCode
  readonly diagnose: (view: View) => Diagnosis | undefined
}

/** An active download reports its progress once a second. */
const stalledMs = 60_000

/** @returns `undefined` if `boots` is empty */
export function viewOf(
  boots: readonly Boot[],
  now: number,
  context: Pick<View, 'record' | 'usesDhcp' | 'signatures'>,
): View | undefined {
  const boot = boots.at(-1)
  if (boot === undefined) return undefined
  const latest = latestStep(boot)
  const other = boots.findLastIndex((each) => latestStep(each).kind !== latest.kind)
  const silentMs = Math.max(0, now - boot.endedAt)
  const previous = boots.at(-2)
  return {
    ...context,
    boot,
    latest,
    ...defined({ previous }),
    silentMs,
    alike: countPasses(boots.slice(other + 1)),
  }
}

/** Counts a pass when a boot entry returns. */
function countPasses(boots: readonly Boot[]): number {
  let passes = 1
  let entries = new Set<string>()
  for (const boot of boots) {
    const entry = entryOf(boot)
    if (entries.has(entry)) {
      passes++
      entries = new Set()
    }
    entries.add(entry)
  }
  return passes
}

/** Returns the firmware that started the boot; an iPXE that the firmware starts itself sends no other message. */
function entryOf({ steps }: Boot): string {
  const firmware = steps.find(({ kind }) => kind === 'firmware-dhcp' || kind === 'http-firmware-dhcp')
  return firmware === undefined ? '' : `${firmware.kind} ${firmware.what}`
}

/** Returns whether the node stopped at one of these steps: its time-out expired, or an earlier boot ended here too. */
export function isStalledAt({ latest, silentMs, alike }: View, ...kinds: readonly StepKind[]): boolean {
  if (!kinds.includes(latest.kind)) return false
  const { timeoutMs } = stepKinds[latest.kind]
  return silentMs > (alike > 1 ? timeoutMs / 4 : timeoutMs)
}

/** Returns for how long the latest step, a download, has not progressed; nothing if that is not long. */
export function stalledDownloadMs({ boot, latest, silentMs }: View): number | undefined {
  if (latest.outcome !== 'under-way' || latest.total === undefined) return undefined
  const withoutProgressMs = silentMs + boot.endedAt - (latest.progressAt ?? boot.endedAt)
  return withoutProgressMs > stalledMs ? withoutProgressMs : undefined
}

export function stepOf({ boot }: View, kind: StepKind): Step | undefined {
  return boot.steps.findLast((step) => step.kind === kind)
}

/** Returns how often the latest step happened: in this boot, or at the end of boots in a row. */
export function repeatsOf({ latest, alike }: View): number {
  return Math.max(alike, latest.count)
}
