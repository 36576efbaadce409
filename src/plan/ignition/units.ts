/**
 * systemd units for Ignition with which a node reports its progress to slipway. A report waits only a short time and its
 * failure never stops the node.
 */

/** An entry of `systemd.units`. */
export type Unit = {
  readonly name: string
  readonly enabled?: boolean
  readonly contents?: string
  readonly dropins?: readonly { readonly name: string; readonly contents: string }[]
}

/** Returns the unit of the installed system that reports its first start once, whether or not slipway answers. */
export function renderStartedUnit(callbackUrl: string): Unit {
  return {
    name: 'slipway-started.service',
    enabled: true,
    contents: lines([
      '[Unit]',
      'Description=Report to slipway that the installed system has started',
      'Wants=network-online.target',
      'After=network-online.target',
      'ConditionPathExists=!/var/lib/slipway/started',
      '',
      '[Service]',
      'Type=oneshot',
      `ExecStart=-${post(callbackUrl)}`,
      'ExecStart=/usr/bin/touch /var/lib/slipway/started',
      'StateDirectory=slipway',
      `TimeoutStartSec=${maxSeconds}`,
      '',
      '[Install]',
      'WantedBy=multi-user.target',
    ]),
  }
}

/**
 * Returns the unit of the live system that reports the written disk before the machine restarts. It has the order of the
 * hooks of `coreos-installer pxe customize --post-install`. It requires the success of the installer; no unit requires
 * it, because the machine must restart even if slipway is unreachable.
 */
export function renderWrittenUnit(callbackUrl: string): Unit {
  return {
    name: 'slipway-written.service',
    enabled: true,
    contents: lines([
      '[Unit]',
      'Description=Report to slipway that the disk is written',
      'ConditionKernelCommandLine=coreos.inst.install_dev',
      'Requires=coreos-installer.service',
      'After=coreos-installer.service',
      'Before=coreos-installer.target coreos-installer-reboot.service',
      '',
      '[Service]',
      'Type=oneshot',
      `ExecStart=-${post(callbackUrl)}`,
      `TimeoutStartSec=${maxSeconds}`,
      'StandardOutput=kmsg+console',
      'StandardError=kmsg+console',
      '',
      '[Install]',
      'WantedBy=coreos-installer.target',
    ]),
  }
}

/** Returns the units of the live system that report a failure of coreos-installer. Its own OnFailure (a shell) remains. */
export function renderFailedUnits(callbackUrl: string): Unit[] {
  return [
    {
      name: 'slipway-failed.service',
      contents: lines([
        '[Unit]',
        'Description=Report to slipway that the installer failed',
        '',
        '[Service]',
        'Type=oneshot',
        `ExecStart=-${post(callbackUrl)}`,
        `TimeoutStartSec=${maxSeconds}`,
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

/** Upper bound of the time of curl, whose last attempt starts within 60 s. */
const maxSeconds = 90

/** Uses options of curl 7.61 (RHCOS 4.6). The status of the response does not matter. Proxies are not used. */
function post(url: string): string {
  const options = [
    '--silent --show-error --output /dev/null',
    "--noproxy '*' --connect-timeout 5 --max-time 10",
    '--retry 15 --retry-delay 3 --retry-max-time 60 --retry-connrefused',
  ]
  return `/usr/bin/curl ${options.join(' ')} --request POST ${unitArgument(url)}`
}

/** Quotes one argument of a command line, so that systemd does not expand it (systemd.service(5), systemd.unit(5)). */
export function unitArgument(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`
}

export function lines(text: readonly string[]): string {
  return `${text.join('\n')}\n`
}
