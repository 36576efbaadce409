/** What goes wrong from the kernel to the end of the installer. */
import type { Step, StepKind } from '../step.ts'
import { formatCount } from '../../text/count.ts'
import { formatDuration } from '../../text/duration.ts'
import { isOfferLeft } from './firmware.ts'
import { isStalled, isStalledAt, stepOf, type SymptomRow, type View } from './boot-view.ts'

export const installerSymptoms: readonly SymptomRow[] = [
  {
    name: 'cannot-install',
    tell: ({ latest }) =>
      latest.kind === 'failed-script'
        ? {
            saw: `its network boot ended with: ${latest.reason ?? 'it cannot be installed'}`,
            likely: 'a file that it needs is not there, or a person has to look at it first',
            advice: 'mend what the sentence names, and reload slipway; `slipway check SITE` says more',
          }
        : undefined,
  },
  {
    name: 'kernel-not-asked',
    tell: (view) =>
      isStalledAt(view, 'install-script')
        ? {
            saw: `was given its script ${formatCount(Math.max(view.alike, view.latest.count))} and never asked for the kernel`,
            likely: 'somebody stopped it at its console, or its iPXE does not understand the script',
            advice: 'read the last lines on its console; update the package ipxe on this server',
          }
        : undefined,
  },
  {
    name: 'download-stalled',
    tell: (view) =>
      isStalled(view)
        ? {
            saw: `${view.latest.what} stands still at ${percent(view.latest)} for ${formatDuration(view.silentMs)}`,
            likely: 'the machine was switched off or hangs, or the network between is cut',
            advice: 'look at its console and at the link of its switch port',
          }
        : undefined,
  },
  {
    name: 'kernel-broken',
    tell: (view) =>
      isBroken(view, 'kernel', 'initramfs')
        ? {
            saw: `the download of ${view.latest.what} broke off at ${percent(view.latest)}${again(view.latest)}`,
            likely: 'packets are lost on the way, or iPXE has no memory left for the file',
            advice: 'read the error on its console; give the machine 2 GiB of memory at least',
          }
        : undefined,
  },
  {
    name: 'initramfs-not-asked',
    tell: (view) =>
      isStalledAt(view, 'kernel') && view.latest.outcome === 'done'
        ? {
            saw: `fetched the kernel ${formatCount(Math.max(view.alike, view.latest.count))} and never asked for the initramfs`,
            likely: 'iPXE refuses the kernel: one of another architecture, or a compressed one on arm64',
            advice:
              "compare the node's image with its architecture; on arm64 use an iPXE that knows gzip images",
          }
        : undefined,
  },
  {
    name: 'no-live-dhcp',
    tell: (view) =>
      isStalledAt(view, 'initramfs') && view.usesDhcp
        ? {
            saw: `fetched kernel and initramfs ${formatCount(Math.max(view.alike, view.latest.count))}, and no system asked DHCP after`,
            likely:
              'the kernel does not start (another architecture, less than 2 GiB of memory), has no driver for the network card, or asks on another card',
            advice:
              "set the node's `console` to see what the kernel says (ttyS0 for a serial line); look at its memory",
          }
        : undefined,
  },
  {
    name: 'live-silent',
    tell: (view) =>
      isStalledAt(view, 'initramfs') && !view.usesDhcp
        ? {
            saw: `fetched kernel and initramfs ${formatCount(Math.max(view.alike, view.latest.count))}, and nothing was heard of it since`,
            likely:
              'its static addressing does not fit (card names, gateway, name server), or the kernel does not start',
            advice:
              "compare `ip=` in the node's kernel arguments with its network cards; set its `console` to read along",
          }
        : undefined,
  },
  {
    name: 'live-offer-not-taken',
    tell: (view) =>
      view.latest.kind === 'live-dhcp' && isOfferLeft(view)
        ? {
            saw: `its live system asked DHCP ${formatCount(view.latest.count)} and took no offer`,
            likely: 'another DHCP server answers it, or it asks on a card that no cable leads to',
            advice:
              'see whether `slipway status` names another DHCP server; name the card with `ip=CARD:dhcp`',
          }
        : undefined,
  },
  {
    name: 'rootfs-not-asked',
    tell: (view) =>
      isStalledAt(view, 'live-dhcp') && !hasSystem(view)
        ? {
            saw: 'its live system took its address and never asked for the rootfs',
            likely: 'it has no route to this server, or the end of its kernel arguments was cut off',
            advice:
              'look at its console for coreos-livepxe-rootfs; shorten `kernelArguments`; look at its `gateway`',
          }
        : undefined,
  },
  {
    name: 'rootfs-broken',
    tell: (view) =>
      isBroken(view, 'rootfs')
        ? {
            saw: `the download of the rootfs broke off at ${percent(view.latest)}${again(view.latest)}`,
            likely:
              'the machine has too little memory to hold it (4 GiB are enough), or packets are lost on the way',
            advice: 'give it more memory; read its console for coreos-livepxe-rootfs',
          }
        : undefined,
  },
  {
    name: 'rootfs-again',
    tell: (view) =>
      view.latest.kind === 'rootfs' && view.latest.outcome === 'done' && isRepeated(view)
        ? {
            saw: `fetched the rootfs ${formatCount(Math.max(view.alike, view.latest.count))} without going on`,
            likely:
              'the rootfs is of another version than kernel and initramfs, or does not fit into its memory',
            advice:
              'put the three files of one release into the image directory; give the machine 4 GiB of memory',
          }
        : undefined,
  },
  {
    name: 'metal-broken',
    tell: (view) =>
      isBroken(view, 'metal')
        ? {
            saw: `the download of the metal image broke off at ${percent(view.latest)}${again(view.latest)}`,
            likely:
              'its disk is too small, cannot be written or has another name, or packets are lost on the way',
            advice: "compare the node's `disk` with what its console shows",
          }
        : undefined,
  },
  {
    name: 'ignition-not-asked',
    tell: (view) =>
      isStalledAt(view, 'rootfs', 'metal', 'live-dhcp') && hasSystem(view)
        ? {
            saw: 'its live system runs and never asked for its Ignition file',
            likely: 'the installer waits for a disk that is not there, or its network did not come up again',
            advice: "compare the node's `disk` with what `lsblk` says on its console",
          }
        : undefined,
  },
  {
    name: 'ignition-refused',
    tell: ({ latest, record }) =>
      latest.kind === 'ignition' && latest.outcome === 'refused'
        ? {
            saw: `its Ignition file was refused ${formatCount(latest.count)}: ${latest.reason ?? 'it may not read it now'}`,
            likely:
              'the token of its script is used up or over, or it does not have the address that the site gives it',
            advice: `run \`slipway node install ${record.node}\` and boot it again; with static addressing, compare the address`,
          }
        : undefined,
  },
  {
    name: 'ignition-broken',
    tell: (view) =>
      isBroken(view, 'ignition')
        ? {
            saw: `the download of its Ignition file (${view.latest.what}) broke off${again(view.latest)}`,
            likely: 'the machine was reset, or the network between is cut',
            advice: 'look at its console and at the link of its switch port',
          }
        : undefined,
  },
]

/** A broken download, when it was not begun again at once. */
function isBroken(view: View, ...kinds: readonly StepKind[]): boolean {
  const { latest, silentMs } = view
  if (!kinds.includes(latest.kind) || latest.outcome !== 'aborted') return false
  return latest.count > 1 || silentMs > 10_000
}

/** More often than after a download that broke off once. */
function isRepeated(view: View): boolean {
  return view.latest.count > 2 || (view.alike > 1 && isStalledAt(view, view.latest.kind))
}

function hasSystem(view: View): boolean {
  return (stepOf(view, 'rootfs') ?? stepOf(view, 'metal'))?.outcome === 'done'
}

function percent({ octets = 0, total = 0 }: Step): string {
  return total === 0 ? `${octets} octets` : `${Math.floor((100 * octets) / total)} %`
}

function again({ count }: Step): string {
  return count === 1 ? '' : `, ${formatCount(count)}`
}
