/** Symptoms from the end of the downloads to the first boot from disk, and the stalled steps of all stages. */
import { formatCount, formatDuration } from '../../text/format.ts'
import { stepKinds, type StepKind } from '../step-kinds.ts'
import type { StallSymptom } from '../step-row.ts'
import { isStalledAt, repeatsOf, type SymptomRow } from './boot-view.ts'

export const diskSymptoms: readonly SymptomRow[] = [
  {
    name: 'installer-failed',
    code: 'install.installer-failed',
    diagnose: ({ latest, record }) =>
      latest.kind === 'failed'
        ? {
            saw: 'its installer failed',
            likely: 'the disk is not the one that the site file names, is too small, or cannot be written',
            advice: `read \`journalctl -u coreos-installer\` on its console; then run \`slipway node install ${record.node}\``,
          }
        : undefined,
  },
  {
    name: 'disk-does-not-boot',
    code: 'install.disk-does-not-boot',
    diagnose: (view) =>
      view.latest.kind === 'local-script' && view.usesDhcp && view.alike > 1
        ? {
            saw: `was sent to its disk ${formatCount(view.alike)} and booted from the network again`,
            likely:
              'the firmware has no entry for the disk, or its mode (UEFI or BIOS) changed since the installation',
            advice: 'add its disk to the boot order after the network; keep the mode of the installation',
          }
        : undefined,
  },
  {
    name: 'disk-silent',
    code: 'install.disk-not-responding',
    diagnose: (view) =>
      isStalledAt(view, 'local-script') && view.usesDhcp
        ? {
            saw: `was sent to its disk ${formatDuration(view.silentMs)} ago, and no system has requested an address since`,
            likely:
              'its disk does not boot, Secure Boot rejects its boot loader, or its system has a static address',
            advice: 'look at its console',
          }
        : undefined,
  },
]

/** One row for each step kind that has a symptom of its own when no further step follows. */
export const stalledSymptoms: readonly SymptomRow[] = Object.entries(stepKinds).flatMap(
  ([kind, { stalled }]) => (stalled === undefined ? [] : [stalledSymptom(kind as StepKind, stalled)]),
)

/** Builds the row of a step kind from its texts. */
export function stalledSymptom(kind: StepKind, { name, code, ...texts }: StallSymptom): SymptomRow {
  return {
    name,
    code,
    diagnose(view) {
      if (!isStalledAt(view, kind)) return undefined
      const text = {
        node: view.record.node,
        reason: view.latest.reason,
        silent: formatDuration(view.silentMs),
        count: formatCount(view.alike),
        repeats: formatCount(repeatsOf(view)),
      }
      const { saw, likely, advice } = texts
      return { saw: saw(text), likely, advice: typeof advice === 'string' ? advice : advice(text) }
    },
  }
}
