/** Symptoms from the kernel to the first boot from disk, and the stalled steps of all stages. */
import type { Step } from '../step.ts'
import { type StepKind, stepKinds } from '../step-kinds.ts'
import { formatCount, formatDuration } from '../../text/format.ts'
import type { StallSymptom } from '../step-row.ts'
import { isOfferLeft } from './firmware.ts'
import { stalledDownloadMs, isStalledAt, repeatsOf, stepOf, type SymptomRow, type View } from './boot-view.ts'

export const installerSymptoms: readonly SymptomRow[] = [
  {
    name: 'cannot-install',
    code: 'install.not-possible',
    diagnose: ({ latest }) =>
      latest.kind === 'failed-script'
        ? {
            saw: `its network boot ended with: ${latest.reason ?? 'it cannot be installed'}`,
            likely: 'a file that it needs is missing, or its installation failed before',
            advice: 'fix what the message names, and reload slipway; `slipway check SITE` shows details',
          }
        : undefined,
  },
  {
    name: 'download-stalled',
    code: 'install.download-stalled',
    diagnose(view) {
      const stalledMs = stalledDownloadMs(view)
      if (stalledMs === undefined) return undefined
      return {
        saw: `the download of ${view.latest.what} has stopped at ${percent(view.latest)} for ${formatDuration(stalledMs)}`,
        likely: 'the machine was powered off or hangs, or its network connection is interrupted',
        advice: 'look at its console and at the link of its switch port',
      }
    },
  },
  {
    name: 'kernel-broken',
    code: 'install.kernel-interrupted',
    diagnose: (view) =>
      isInterrupted(view, 'kernel', 'initramfs')
        ? {
            saw: `the download of ${view.latest.what} was interrupted at ${percent(view.latest)}${again(view.latest)}`,
            likely: 'packets are lost, or iPXE does not have enough memory for the file',
            advice: 'read the error on its console; give the machine at least 2 GiB of memory',
          }
        : undefined,
  },
  {
    name: 'initramfs-not-asked',
    code: 'install.initramfs-not-requested',
    diagnose: (view) =>
      isStalledAt(view, 'kernel') && view.latest.outcome === 'done'
        ? {
            saw: `fetched the kernel ${formatCount(repeatsOf(view))} and never requested the initramfs`,
            likely: 'iPXE rejects the kernel: it is for another architecture, or compressed on arm64',
            advice:
              "compare the node's image with its architecture; on arm64 use an iPXE that supports gzip images",
          }
        : undefined,
  },
  {
    name: 'no-live-dhcp',
    code: 'install.no-live-dhcp',
    diagnose: (view) =>
      isStalledAt(view, 'initramfs') && view.usesDhcp
        ? {
            saw: `fetched kernel and initramfs ${formatCount(repeatsOf(view))}, and no system has requested an address since`,
            likely:
              'the kernel does not start (another architecture, less than 2 GiB of memory), has no driver for the network card, or uses another card',
            advice:
              "set the node's `console` to read the messages of the kernel (ttyS0 for a serial line); check its memory",
          }
        : undefined,
  },
  {
    name: 'live-silent',
    code: 'install.live-not-responding',
    diagnose: (view) =>
      isStalledAt(view, 'initramfs') && !view.usesDhcp
        ? {
            saw: `fetched kernel and initramfs ${formatCount(repeatsOf(view))} and has sent no request since`,
            likely:
              'its static address settings are wrong (card names, gateway, name server), or the kernel does not start',
            advice:
              "compare `ip=` in the node's kernel arguments with its network cards; set its `console` to read the messages",
          }
        : undefined,
  },
  {
    name: 'live-offer-not-taken',
    code: 'install.live-offer-not-accepted',
    diagnose: (view) =>
      view.latest.kind === 'live-dhcp' && isOfferLeft(view)
        ? {
            saw: `its live system requested an address ${formatCount(view.latest.count)} and accepted no offer`,
            likely: 'another DHCP server answers it, or it uses a network card without a cable',
            advice:
              'check whether `slipway status` names another DHCP server; name the card with `ip=CARD:dhcp`',
          }
        : undefined,
  },
  {
    name: 'rootfs-not-asked',
    code: 'install.rootfs-not-requested',
    diagnose: (view) =>
      isStalledAt(view, 'live-dhcp') && !hasSystem(view)
        ? {
            saw: 'its live system accepted its address and never requested the rootfs',
            likely: 'it has no route to this server, or the end of its kernel arguments was cut off',
            advice:
              'look at its console for coreos-livepxe-rootfs; shorten `kernelArguments`; check its `gateway`',
          }
        : undefined,
  },
  {
    name: 'rootfs-broken',
    code: 'install.rootfs-interrupted',
    diagnose: (view) =>
      isInterrupted(view, 'rootfs')
        ? {
            saw: `the download of the rootfs was interrupted at ${percent(view.latest)}${again(view.latest)}`,
            likely: 'the machine does not have enough memory for it (4 GiB is enough), or packets are lost',
            advice: 'give it more memory; look at its console for coreos-livepxe-rootfs',
          }
        : undefined,
  },
  {
    name: 'rootfs-again',
    code: 'install.rootfs-repeated',
    diagnose: (view) =>
      view.latest.kind === 'rootfs' && view.latest.outcome === 'done' && isRepeated(view)
        ? {
            saw: `fetched the rootfs ${formatCount(repeatsOf(view))} and did not continue`,
            likely:
              'the version of the rootfs differs from that of kernel and initramfs, or the rootfs does not fit into its memory',
            advice:
              'put the three files of one release into the image directory; give the machine 4 GiB of memory',
          }
        : undefined,
  },
  {
    name: 'metal-broken',
    code: 'install.metal-interrupted',
    diagnose: (view) =>
      isInterrupted(view, 'metal')
        ? {
            saw: `the download of the metal image was interrupted at ${percent(view.latest)}${again(view.latest)}`,
            likely: 'its disk is too small, cannot be written, or has another name, or packets are lost',
            advice: "compare the node's `disk` with the disks on its console",
          }
        : undefined,
  },
  {
    name: 'ignition-not-asked',
    code: 'ignition.not-requested',
    diagnose: (view) =>
      isStalledAt(view, 'rootfs', 'metal', 'live-dhcp') && hasSystem(view)
        ? {
            saw: 'its live system runs and never requested its Ignition file',
            likely: 'the installer waits for a disk that does not exist, or its network did not start again',
            advice: "compare the node's `disk` with the output of `lsblk` on its console",
          }
        : undefined,
  },
  {
    name: 'ignition-refused',
    code: 'ignition.refused',
    diagnose: ({ latest, record }) =>
      latest.kind === 'ignition' && latest.outcome === 'refused'
        ? {
            saw: `its Ignition file was refused ${formatCount(latest.count)}: ${latest.reason ?? 'it must not read it now'}`,
            likely:
              'the token of its script was already used or has expired, or it does not have the address from the site file',
            advice: `compare its address with the site file, and boot it from the network again; run \`slipway node install ${record.node}\` before that only if its disk may be overwritten`,
          }
        : undefined,
  },
  {
    name: 'ignition-broken',
    code: 'ignition.interrupted',
    diagnose: (view) =>
      isInterrupted(view, 'ignition')
        ? {
            saw: `the download of its Ignition file (${view.latest.what}) was interrupted${again(view.latest)}`,
            likely: 'the machine was reset, or its network connection is interrupted',
            advice: 'look at its console and at the link of its switch port',
          }
        : undefined,
  },
]

/** Returns whether a download was interrupted and not restarted at once. */
function isInterrupted(view: View, ...kinds: readonly StepKind[]): boolean {
  const { latest, silentMs } = view
  if (!kinds.includes(latest.kind) || latest.outcome !== 'aborted') return false
  return latest.count > 1 || silentMs > 10_000
}

/** Returns whether the step happened more often than one interrupted download explains. */
function isRepeated(view: View): boolean {
  return view.latest.count > 2 || (view.alike > 1 && isStalledAt(view, view.latest.kind))
}

function hasSystem(view: View): boolean {
  return (stepOf(view, 'rootfs') ?? stepOf(view, 'metal'))?.outcome === 'done'
}

function percent({ octets = 0, total = 0 }: Step): string {
  return total === 0 ? `${octets} bytes` : `${Math.floor((100 * octets) / total)} %`
}

function again({ count }: Step): string {
  return count === 1 ? '' : `, ${formatCount(count)}`
}

// Symptoms from the end of the downloads to the first boot from disk.

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
