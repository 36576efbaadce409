/** What goes wrong once the installer has what it needs: writing the disk, and booting from it. */
import { formatCount } from '../../text/count.ts'
import { formatDuration } from '../../text/duration.ts'
import { isStalledAt, type SymptomRow } from './boot-view.ts'

export const diskSymptoms: readonly SymptomRow[] = [
  {
    name: 'not-written',
    tell: (view) =>
      isStalledAt(view, 'disk')
        ? {
            saw: `read its Ignition file ${formatDuration(view.silentMs)} ago and did not report that its disk is written`,
            likely:
              'the installer stopped at an emergency shell (a wrong or too small disk), or the disk is very slow',
            advice: 'look at its console: `journalctl -u coreos-installer` says why',
          }
        : undefined,
  },
  {
    name: 'installer-failed',
    tell: ({ latest, record }) =>
      latest.kind === 'failed'
        ? {
            saw: 'its installer gave up',
            likely: 'the disk is not the one that the site names, is too small, or cannot be written',
            advice: `read \`journalctl -u coreos-installer\` on its console; then run \`slipway node install ${record.node}\``,
          }
        : undefined,
  },
  {
    name: 'not-rebooted',
    tell: (view) =>
      isStalledAt(view, 'reboot')
        ? {
            saw: `wrote its disk ${formatDuration(view.silentMs)} ago, and nothing was heard of it since`,
            likely: 'it was switched off instead of booted again, or its firmware waits at its screen',
            advice: 'look at its console; put its disk into the boot order',
          }
        : undefined,
  },
  {
    name: 'disk-does-not-boot',
    tell: (view) =>
      view.latest.kind === 'local-script' && view.usesDhcp && view.alike > 1
        ? {
            saw: `was sent to its disk ${formatCount(view.alike)} and booted from the network again`,
            likely:
              'its disk does not boot: the firmware has no entry for it, or is set to the other of UEFI and BIOS',
            advice:
              'put its disk into the boot order after the network; keep the mode in which it was installed',
          }
        : undefined,
  },
  {
    name: 'disk-silent',
    tell: (view) =>
      isStalledAt(view, 'local-script') && view.usesDhcp
        ? {
            saw: `was sent to its disk ${formatDuration(view.silentMs)} ago, and no system asked DHCP after`,
            likely:
              'its disk does not boot, Secure Boot refuses what is on it, or its system has a static address',
            advice: 'look at its console',
          }
        : undefined,
  },
]
