/**
 * Units of systemd by which a node tells slipway how far it is, as Ignition takes them. A node never waits long for its word
 * to be heard, and never fails because it was not.
 */

/** An entry of `systemd.units`. */
export type Unit = {
  readonly name: string
  readonly enabled?: boolean
  readonly contents?: string
  readonly dropins?: readonly { readonly name: string; readonly contents: string }[]
}

/** Of the installed system: it has started, which is told once, heard or not. */
export function renderStartedUnit(callbackUrl: string): Unit {
  return {
    name: 'slipway-started.service',
    enabled: true,
    contents: lines([
      '[Unit]',
      'Description=Tell slipway that the installed system has started',
      'Wants=network-online.target',
      'After=network-online.target',
      'ConditionPathExists=!/var/lib/slipway/started',
      '',
      '[Service]',
      'Type=oneshot',
      `ExecStart=-${post(callbackUrl)}`,
      'ExecStart=/usr/bin/touch /var/lib/slipway/started',
      'StateDirectory=slipway',
      `TimeoutStartSec=${mostSeconds}`,
      '',
      '[Install]',
      'WantedBy=multi-user.target',
    ]),
  }
}

/**
 * Of the live system, after coreos-installer has written the disk and before the machine restarts; ordered as the hooks of
 * `coreos-installer pxe customize --post-install` are. It needs the installer's success, and nothing needs its own:
 * with RequiredBy, a slipway that cannot be reached would keep the machine from restarting.
 */
export function renderWrittenUnit(callbackUrl: string): Unit {
  return {
    name: 'slipway-written.service',
    enabled: true,
    contents: lines([
      '[Unit]',
      'Description=Tell slipway that the disk is written',
      'ConditionKernelCommandLine=coreos.inst.install_dev',
      'Requires=coreos-installer.service',
      'After=coreos-installer.service',
      'Before=coreos-installer.target coreos-installer-reboot.service',
      '',
      '[Service]',
      'Type=oneshot',
      `ExecStart=-${post(callbackUrl)}`,
      `TimeoutStartSec=${mostSeconds}`,
      'StandardOutput=kmsg+console',
      'StandardError=kmsg+console',
      '',
      '[Install]',
      'WantedBy=coreos-installer.target',
    ]),
  }
}

/** Of the live system, when coreos-installer failed; its own OnFailure (the emergency shell) stays. */
export function renderFailedUnits(callbackUrl: string): Unit[] {
  return [
    {
      name: 'slipway-failed.service',
      contents: lines([
        '[Unit]',
        'Description=Tell slipway that the installer gave up',
        '',
        '[Service]',
        'Type=oneshot',
        `ExecStart=-${post(callbackUrl)}`,
        `TimeoutStartSec=${mostSeconds}`,
        'StandardOutput=kmsg+console',
        'StandardError=kmsg+console',
      ]),
    },
    {
      name: 'coreos-installer.service',
      dropins: [{ name: 'slipway.conf', contents: lines(['[Unit]', 'OnFailure=slipway-failed.service']) }],
    },
  ]
}

/** What curl takes at the most: its last try begins within 60 s. */
const mostSeconds = 90

/** All of it is known to curl 7.61 of RHCOS 4.6. Any answer will do. Without proxies: slipway is next door. */
function post(url: string): string {
  const options = [
    '--silent --show-error --output /dev/null',
    "--noproxy '*' --connect-timeout 5 --max-time 10",
    '--retry 15 --retry-delay 3 --retry-max-time 60 --retry-connrefused',
  ]
  return `/usr/bin/curl ${options.join(' ')} --request POST ${word(url)}`
}

/** A word of a command line, to which systemd does nothing (systemd.service(5), systemd.unit(5)). */
function word(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`
}

function lines(text: readonly string[]): string {
  return `${text.join('\n')}\n`
}
