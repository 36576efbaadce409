/**
 * Symptoms of Secure Boot. Firmware does not report that it rejects a signature, so the requests that follow show it: the
 * firmware continues with its next boot entry within seconds, shim requests its key manager, and GRUB repeats its kernel.
 */
import { formatCount, formatDuration } from '../../text/format.ts'
import { stages, stepKinds } from '../step-kinds.ts'
import type { Step } from '../step.ts'
import { latestStep, type Boot } from '../timeline.ts'
import type { SymptomRow, View } from './boot-view.ts'

/**
 * A loader that runs sends its own request, or hangs. Firmware that rejects one returns to its boot order at once; a server
 * then needs some time until its next network boot.
 */
const returnMs = 30_000

/** GRUB tries to load a kernel three times in one script. */
const kernelAttempts = 2

export const secureBootSymptoms: readonly SymptomRow[] = [
  {
    name: 'shim-rejects-grub',
    code: 'boot.shim-rejects-grub',
    diagnose({ boot, latest }) {
      const manager = boot.steps.find(({ kind, what }) => kind === 'loader' && isKeyManager(what))
      if (manager === undefined || latest.kind !== 'loader') return undefined
      return {
        saw: `shim fetched GRUB, and then requested its key manager (${manager.what})`,
        likely:
          'the vendor of this shim did not sign this GRUB, or its version is revoked (SBAT), for example because another system on the machine updated the revocations',
        advice:
          'put shim and GRUB of the same, current release of the vendor into the directory of the image; `mokutil --list-sbat-revocations` on a running system shows the revoked versions',
      }
    },
  },
  {
    name: 'shim-rejected',
    code: 'boot.shim-rejected',
    diagnose(view) {
      const rejected = rejectedLoader(view)
      if (rejected === undefined || !isShim(rejected.what)) return undefined
      return {
        saw: `the firmware rejected ${rejected.what}: ${returnText(view)}`,
        likely:
          'the firmware does not have the key of Microsoft (UEFI CA 2011 or 2023) that signed this shim, or this shim is revoked (dbx)',
        advice:
          'enable the third-party keys of Microsoft in the firmware setup, or use a current shim that the other CA signed; `slipway check` shows which CA signed this one',
      }
    },
  },
  {
    name: 'signature-rejected',
    code: 'boot.signature-rejected',
    diagnose(view) {
      const rejected = rejectedLoader(view)
      if (rejected === undefined || isShim(rejected.what) || !rejected.what.endsWith('.efi')) return undefined
      return {
        saw: `the firmware rejected ${rejected.what}: ${returnText(view)}`,
        likely: 'Secure Boot is on, and the loader is not signed; or the loader found no network card',
        advice:
          'set `loader: shim` and put the signed loaders into the directory of the image (docs/secure-boot.md)',
      }
    },
  },
  {
    name: 'kernel-rejected',
    code: 'boot.kernel-rejected',
    diagnose({ boot, latest }) {
      const { kind, what, outcome, count } = latest
      const hasShim = boot.steps.some((step) => step.kind === 'loader' && isShim(step.what))
      if (!hasShim || kind !== 'kernel' || outcome !== 'done' || count < kernelAttempts) return undefined
      return {
        saw: `GRUB fetched ${what} ${formatCount(count)} and never requested the initramfs`,
        likely: 'the vendor of shim did not sign this kernel',
        advice:
          'use shim, GRUB, and kernel of one vendor: those of Red Hat for RHCOS, those of Debian for Debian',
      }
    },
  },
]

function isShim(file: string): boolean {
  return /(?:^|\/|-)shim[^/]*$/i.test(file)
}

/** Reports whether a file is MokManager, which shim starts if it rejects the next loader. */
function isKeyManager(file: string): boolean {
  return /(?:^|\/)mm(?:x64|aa64|ia32)\.efi$/i.test(file)
}

/** Returns the loader after which the firmware continued at once with another boot entry. */
function rejectedLoader({ boot, previous }: View): Step | undefined {
  if (previous === undefined || !endsInFirmware(boot)) return undefined
  const loader = latestStep(previous)
  if (loader.kind !== 'loader' || loader.outcome !== 'done') return undefined
  return boot.startedAt - previous.endedAt < returnMs ? loader : undefined
}

/** Reports whether neither iPXE nor a script followed. */
function endsInFirmware({ steps }: Boot): boolean {
  return steps.every(({ kind }) => stepKinds[kind].stage <= stages.loader)
}

function returnText({ boot, previous }: View): string {
  const passed = formatDuration(boot.startedAt - (previous?.endedAt ?? boot.startedAt))
  return `it continued with its next boot entry ${passed} after it had fetched the file`
}
