/**
 * systemd units for Ignition with which a node reports to slipway. A report of progress waits only for a short time,
 * and its failure never stops the node.
 */

/** An entry of `systemd.units`. */
export type Unit = {
  readonly name: string
  readonly enabled?: boolean
  readonly contents?: string
  readonly dropins?: readonly { readonly name: string; readonly contents: string }[]
}

/**
 * Returns the unit of the installed system that reports its first start. The report is the evidence for the approval of its
 * certificates, so the unit repeats it until slipway answers, for hours and after each start. It delays no other unit.
 */
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
      'StartLimitIntervalSec=1d',
      'StartLimitBurst=1000',
      '',
      '[Service]',
      // systemd 239 (RHCOS 4.6) does not restart a unit of type oneshot.
      'Type=simple',
      ...trustFor(callbackUrl),
      `ExecStart=/usr/bin/bash -c ${unitArgument(startedScript)} slipway-started ${unitArgument(callbackUrl)}`,
      'StateDirectory=slipway',
      'Restart=on-failure',
      'RestartSec=10',
      '',
      '[Install]',
      'WantedBy=multi-user.target',
    ]),
  }
}

/** Fails if slipway did not answer, or could not record the report. A refusal is final. */
export const startedScript = [
  "status=$(curl --silent --output /dev/null --write-out '%{http_code}' --noproxy '*'",
  '--connect-timeout 5 --max-time 20 --request POST "$1");',
  'case $status in 000|429|5??) exit 1 ;; esac;',
  'touch "${STATE_DIRECTORY:-/var/lib/slipway}/started"',
].join(' ')

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
      ...trustFor(callbackUrl),
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
        ...trustFor(callbackUrl),
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

/** The CA certificates of HTTPS on a node. */
export const authorityPath = '/etc/slipway/ca.crt'

/** Returns the setting with which curl trusts the CA of slipway, and no other. */
export function trustFor(url: string): string[] {
  return url.startsWith('https:') ? [`Environment=CURL_CA_BUNDLE=${authorityPath}`] : []
}

/** Time-out of the unit. curl starts its last attempt within 60 s. */
const maxSeconds = 90

/** Returns the curl command, with options that curl 7.61 (RHCOS 4.6) supports. Any response counts as success. */
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
