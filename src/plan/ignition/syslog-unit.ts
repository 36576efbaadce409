/**
 * The systemd unit with which a live system sends its journal to slipway. journald cannot forward to another machine, and no
 * kernel argument of RHCOS does. A line of journalctl with a priority is a message in the format of RFC 3164, and bash sends
 * it without another program (bash(1), REDIRECTION): both are in every RHCOS.
 */
import { lines, unitArgument, type Unit } from './units.ts'

/**
 * The journal starts with the messages of the kernel and the initramfs. UDP never stops the live system: a message that cannot
 * be sent is lost. journalctl has no option that prints the priority, so all messages have `user.info`.
 */
export const syslogScript = [
  'journalctl --quiet --follow --lines=all --boot --output=short --no-hostname |',
  'while IFS= read -r line; do printf "<14>%s" "$line" >"/dev/udp/$1/$2"; done 2>/dev/null',
].join(' ')

/** @param address of slipway, as the node reaches it */
export function renderSyslogUnit({
  address,
  port,
}: {
  readonly address: string
  readonly port: number
}): Unit {
  return {
    name: 'slipway-syslog.service',
    enabled: true,
    contents: lines([
      '[Unit]',
      'Description=Send the journal to slipway',
      'ConditionKernelCommandLine=coreos.live.rootfs_url',
      'Wants=network-online.target',
      'After=network-online.target',
      '',
      '[Service]',
      'Type=simple',
      `ExecStart=/usr/bin/bash -c ${unitArgument(syslogScript)} slipway-syslog ${address} ${port}`,
      'Restart=on-failure',
      'RestartSec=10',
      '',
      '[Install]',
      // The first is the default of a live system that installs, the second of one that bootstraps a single node.
      'WantedBy=coreos-installer.target multi-user.target',
    ]),
  }
}
