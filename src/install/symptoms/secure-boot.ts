/**
 * Symptoms of Secure Boot. Firmware does not report that it rejects a signature, so the requests that follow show it: the
 * firmware continues with its next boot entry within seconds, shim requests its key manager, and GRUB repeats its kernel.
 * A shim that is itself revoked (SBAT) turns the machine off after 5 s, so that no request follows.
 */
import { formatCount, formatDuration } from '../../text/format.ts'
import { stages, stepKinds } from '../step-kinds.ts'
import type { Step } from '../step.ts'
import { latestStep, type Boot } from '../timeline.ts'
import { isStalledAt, repeatsOf, type SymptomRow, type View } from './boot-view.ts'

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
    diagnose(view) {
      const saw = rejectionOfGrub(view)
      if (saw === undefined) return undefined
      return {
        saw,
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
        likely: `the firmware does not trust ${authorities(view, rejected.what)} (no key in db), or this shim is revoked (dbx)`,
        advice: firmwareAdvice,
      }
    },
  },
  {
    name: 'shim-stopped',
    code: 'boot.shim-stopped',
    diagnose(view) {
      const { latest } = view
      if (!isShim(latest.what) || !isStalledAt(view, 'loader') || latest.outcome !== 'done') return undefined
      return {
        saw: `fetched ${latest.what} ${formatCount(repeatsOf(view))} and requested nothing afterwards`,
        likely: `the firmware does not trust ${authorities(view, latest.what)} and has no other network boot entry, or shim found itself revoked${generation(view, latest.what)} and turned the machine off`,
        advice: `read the console. After "SBAT self-check failed", use the current shim of the vendor. After "Security Violation" or "Access Denied", ${firmwareAdvice}`,
      }
    },
  },
  {
    name: 'grub-stopped',
    code: 'boot.grub-stopped',
    diagnose(view) {
      const { latest } = view
      if (!isGrub(latest.what) || !isStalledAt(view, 'loader') || latest.outcome !== 'done') return undefined
      return {
        saw: `fetched ${latest.what} ${formatCount(repeatsOf(view))} and never requested its script`,
        likely:
          'GRUB found no network card or has no address: GRUB 2.06 of Debian 12 has none after HTTP Boot; or the machine was turned off',
        advice: 'read the console, boot by PXE instead of HTTP Boot, or use GRUB 2.12 or later',
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

const firmwareAdvice =
  'enable the third-party keys of Microsoft in the firmware setup, or use a current shim that another CA signed; `slipway check` shows which CA signed this one'

function isShim(file: string): boolean {
  return /(?:^|\/|-)shim[^/]*$/i.test(file)
}

function isGrub(file: string): boolean {
  return /(?:^|\/)(?:grub[^/]*\.efi|core\.elf)$/i.test(file)
}

/** Returns the CAs of a loader that this server sends; the firmware needs one of them. */
function authorities({ signatures }: View, file: string): string {
  const known = signatures?.get(file)?.authorities ?? []
  return known.length === 0
    ? 'the CA of Microsoft (2011 or 2023) that signed it'
    : `${known.join(' or ')}, which signed it`
}

function generation({ signatures }: View, file: string): string {
  const sbat = signatures?.get(file)?.sbat
  return sbat === undefined ? ' (SBAT)' : ` (SBAT ${sbat})`
}

/** Returns what shows that shim rejected GRUB: in this boot, or in the boot before it, if the firmware continued at once. */
function rejectionOfGrub(view: View): string | undefined {
  const { boot, latest, previous } = view
  const asked = (each: Boot | undefined) =>
    each?.steps.find(({ kind, what }) => kind === 'loader' && isKeyManager(what))
  const seen =
    asked(latest.kind === 'loader' ? boot : undefined) ?? (isReturn(view) ? asked(previous) : undefined)
  if (seen !== undefined) return `shim fetched GRUB, and then requested its key manager (${seen.what})`
  const rejected = rejectedLoader(view)
  const hasShim = previous?.steps.some(({ kind, what }) => kind === 'loader' && isShim(what)) === true
  return rejected !== undefined && hasShim && isGrub(rejected.what)
    ? `the firmware started shim but not GRUB: ${returnText(view)}`
    : undefined
}

/** Reports whether a file is MokManager, which shim starts if it rejects the next loader. */
function isKeyManager(file: string): boolean {
  return /(?:^|\/)mm(?:x64|aa64|ia32)\.efi$/i.test(file)
}

/** Reports whether the boot before this one ended at a loader, and the firmware continued at once with another boot entry. */
function isReturn({ boot, previous }: View): boolean {
  if (previous === undefined || !endsInFirmware(boot)) return false
  return latestStep(previous).kind === 'loader' && boot.startedAt - previous.endedAt < returnMs
}

/** Returns the loader after which the firmware continued at once with another boot entry. */
function rejectedLoader(view: View): Step | undefined {
  if (!isReturn(view)) return undefined
  const loader = latestStep(view.previous as Boot)
  return loader.outcome === 'done' ? loader : undefined
}

/** Reports whether neither iPXE nor a script followed. */
function endsInFirmware({ steps }: Boot): boolean {
  return steps.every(({ kind }) => stepKinds[kind].stage <= stages.loader)
}

function returnText({ boot, previous }: View): string {
  const passed = formatDuration(boot.startedAt - (previous?.endedAt ?? boot.startedAt))
  return `it continued with its next boot entry ${passed} after it had fetched the file`
}
