/**
 * The disk check of the live system: before coreos-installer starts, a unit reports what is on the target disk to slipway
 * and waits for the permission to overwrite it. It has the order of the hooks of `coreos-installer pxe customize
 * --pre-install`; the installer requires it.
 */
import { lines, unitArgument, type Unit } from './units.ts'

export const diskCheckScriptPath = '/etc/slipway/check-disk'

/** Returns the unit. It has no time limit: it ends with the permission, or with a restart of the machine. */
export function renderDiskCheckUnit(url: string): Unit {
  return {
    name: 'slipway-check-disk.service',
    enabled: true,
    contents: lines([
      '[Unit]',
      'Description=Ask slipway whether the installer may overwrite the disk',
      'ConditionKernelCommandLine=coreos.inst.install_dev',
      'Wants=network-online.target',
      'After=network-online.target coreos-installer-pre.target',
      'Before=coreos-installer.service',
      '',
      '[Service]',
      'Type=oneshot',
      'RemainAfterExit=yes',
      `ExecStart=/usr/bin/bash ${diskCheckScriptPath} ${unitArgument(url)}`,
      'TimeoutStartSec=infinity',
      'StandardOutput=kmsg+console',
      'StandardError=kmsg+console',
      '',
      '[Install]',
      'RequiredBy=coreos-installer.service',
    ]),
  }
}

/**
 * Uses only tools of RHCOS 4.6: bash 4.4, util-linux 2.32, curl 7.61. The machine restarts when slipway no longer knows
 * the installation, for example because an administrator armed the node again, and five minutes after a refusal: then it
 * boots its disk, unless an administrator armed it.
 */
export const diskCheckScript = lines([
  '# Reports what is on the target disk to slipway, and waits for the permission to overwrite it.',
  'url=$1',
  'work=${SLIPWAY_WORK:-/run/slipway}',
  'pause=${SLIPWAY_PAUSE:-10}',
  'mkdir -p "$work"',
  'device=',
  'read -r -a arguments <"${SLIPWAY_CMDLINE:-/proc/cmdline}"',
  'for argument in "${arguments[@]}"; do',
  '  case $argument in coreos.inst.install_dev=*) device=${argument#*=} ;; esac',
  'done',
  'case $device in /*) ;; *) device=/dev/$device ;; esac',
  'udevadm settle --timeout=30',
  '',
  'report() {',
  '  local path name',
  '  path=$(readlink -f "$device")',
  '  [ -b "$path" ] || path=',
  '  printf \'slipway-disk 1\\ndevice: %s\\npath: %s\\n--- lsblk\\n\' "$device" "$path"',
  '  if [ -n "$path" ]; then',
  '    lsblk --json --paths --output NAME,TYPE,FSTYPE,LABEL,PARTLABEL "$path"',
  '  fi',
  "  printf '\\n--- blkid\\n'",
  '  if [ -n "$path" ]; then',
  '    lsblk --noheadings --list --paths --output NAME "$path" | while read -r name; do',
  '      printf \'device=%s\\n\' "$name"',
  '      blkid --probe --output export "$name"',
  '      [ $? = 8 ] && echo AMBIVALENT=yes',
  '      echo',
  '    done',
  '  fi',
  '}',
  '',
  'said=',
  'kept=0',
  'while :; do',
  '  report >"$work/disk" 2>/dev/null',
  '  : >"$work/answer"',
  '  status=$(curl --silent --output "$work/answer" --write-out \'%{http_code}\' \\',
  "    --noproxy '*' --connect-timeout 5 --max-time 20 --request POST \\",
  '    --header \'content-type: text/plain\' --data-binary "@$work/disk" "$url")',
  '  case $status in',
  '    200) echo "slipway: $(head -c 500 "$work/answer")"; exit 0 ;;',
  '    409) text=$(head -c 500 "$work/answer"); kept=$((kept + 10)) ;;',
  "    403) text='this installation has ended, the machine restarts'; kept=300 ;;",
  "    000) text='slipway does not respond, the installer waits' ;;",
  '    *) text="slipway answered with HTTP status $status, the installer waits" ;;',
  '  esac',
  '  [ "$text" = "$said" ] || echo "slipway: $text"',
  '  said=$text',
  '  sleep "$pause"',
  '  if [ "$kept" -ge 300 ]; then',
  '    systemctl reboot',
  '    sleep infinity',
  '  fi',
  'done',
])
