/**
 * The disk check of the live system: a unit that reports the target disks to slipway, and waits until the installer may
 * overwrite them (docs/decisions/0033). For hints, it asks which disk matches them (docs/decisions/0053).
 */
import { resolvedDevice } from '../disks/target.ts'
import { probing } from './probing.ts'
import { lines, trustFor, unitArgument, type Unit } from './units.ts'

export const diskCheckScriptPath = '/etc/slipway/check-disk'

/** coreos-installer 0.12 and later read it; older ones are refused by the script. */
export const installerConfigPath = '/etc/coreos/installer.d/slipway.yaml'

/**
 * Returns the unit. It has no time limit: it ends with the permission, or with a restart of the machine.
 *
 * @param otherDisks disks to check besides the one in the kernel arguments
 */
export function renderDiskCheckUnit(url: string, otherDisks: readonly string[] = []): Unit {
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
      ...trustFor(url),
      `ExecStart=/usr/bin/bash ${diskCheckScriptPath} ${[url, ...otherDisks].map(unitArgument).join(' ')}`,
      'TimeoutStartSec=infinity',
      'StandardOutput=kmsg+console',
      'StandardError=kmsg+console',
      '',
      '[Install]',
      'RequiredBy=coreos-installer.service',
    ]),
  }
}

/** The cases of a shell script for the other answers of slipway to a report, by its HTTP status. */
export const otherAnswers: readonly string[] = [
  "    403) text='this installation has ended, the machine restarts'; kept=300 ;;",
  "    000) text='slipway does not respond, the installer waits' ;;",
  '    *) text="slipway answered with HTTP status $status, the installer waits" ;;',
  '  esac',
]

/**
 * Uses only tools of RHCOS 4.6: bash 4.4, util-linux 2.32, curl 7.61. The machine restarts when slipway no longer knows
 * the installation, for example because an administrator armed the node again, and five minutes after a refusal: then it
 * boots its disk, unless an administrator armed it.
 */
export const diskCheckScript = lines([
  '# Reports what is on the target disks to slipway, and waits for the permission to overwrite them.',
  'url=$1',
  'shift',
  'work=${SLIPWAY_WORK:-/run/slipway}',
  'pause=${SLIPWAY_PAUSE:-10}',
  'mkdir -p "$work"',
  `link=\${SLIPWAY_LINK:-${resolvedDevice}}`,
  'device=',
  'read -r -a arguments <"${SLIPWAY_CMDLINE:-/proc/cmdline}"',
  'for argument in "${arguments[@]}"; do',
  '  case $argument in coreos.inst.install_dev=*) device=${argument#*=} ;; esac',
  'done',
  'case $device in /*) ;; *) device=/dev/$device ;; esac',
  'udevadm settle --timeout=30',
  '',
  `config=\${SLIPWAY_CONFIG:-${installerConfigPath}}`,
  'service=${SLIPWAY_INSTALLER:-/usr/libexec/coreos-installer-service}',
  'if [ -e "$config" ] && ! grep -qs installer.d "$service"; then',
  '  echo "slipway: this coreos-installer does not read $config, which multipath needs: use a newer image"',
  '  exit 1',
  'fi',
  '',
  ...probing,
  'report() {',
  '  local device=$1 path name',
  '  path=$(readlink -f "$device")',
  '  [ -b "$path" ] || path=',
  '  printf \'slipway-disk 1\\ndevice: %s\\npath: %s\\n--- lsblk\\n\' "$device" "$path"',
  '  if [ -n "$path" ]; then',
  '    lsblk --json --paths --output NAME,TYPE,FSTYPE,LABEL,PARTLABEL "$path"',
  '  fi',
  "  printf '\\n--- blkid\\n'",
  '  if [ -n "$path" ]; then',
  '    lsblk --noheadings --list --paths --output NAME "$path" | while read -r name; do probe "$name"; done',
  '  fi',
  '}',
  '',
  '# What hints compare with.',
  'inventory() {',
  '  local name type',
  "  printf 'slipway-disks 1\\n--- lsblk\\n'",
  '  lsblk --json --bytes --paths --output NAME,TYPE,SIZE,RO,ROTA,MODEL,SERIAL,WWN,HCTL,VENDOR',
  "  printf '\\n--- udev\\n'",
  '  lsblk --noheadings --list --paths --output NAME,TYPE | sort -u | while read -r name type; do',
  '    case $type in disk | mpath) ;; *) continue ;; esac',
  '    printf \'device=%s\\n\' "$name"',
  '    udevadm info --query=property --name="$name" | grep -E "^(DEVLINKS|ID_(SCSI_)?SERIAL|ID_SERIAL_SHORT|ID_WWN[A-Z_]*)="',
  '  done',
  '}',
  '',
  'said=',
  'kept=0',
  'while :; do',
  '  for each in "$device" "$@"; do report "$each"; done >"$work/disk" 2>/dev/null',
  `  [ -b "$device" ] && [ "$device" != "$link" ] || inventory >>"$work/disk" 2>/dev/null`,
  '  : >"$work/answer"',
  '  status=$(curl --silent --output "$work/answer" --write-out \'%{http_code}\' \\',
  "    --noproxy '*' --connect-timeout 5 --max-time 20 --request POST \\",
  '    --header \'content-type: text/plain\' --data-binary "@$work/disk" "$url")',
  '  case $status in',
  '    200) echo "slipway: $(head -c 500 "$work/answer")"; exit 0 ;;',
  '    409) text=$(head -c 2000 "$work/answer"); kept=$((kept + 10)) ;;',
  '    202) chosen=$(head -n 1 "$work/answer"); text=$(tail -n +2 "$work/answer" | head -c 500)',
  '      if [ "$device" = "$link" ] && [ -b "$chosen" ]; then',
  '        ln -sfn "$chosen" "$link"',
  '        [ "$text" = "$said" ] || echo "slipway: $text"',
  '        said=$text',
  '        sleep 1',
  '        continue',
  '      fi',
  '      text="$chosen is not a block device" ;;',
  ...otherAnswers,
  '  [ "$text" = "$said" ] || echo "slipway: $text"',
  '  said=$text',
  '  sleep "$pause"',
  '  if [ "$kept" -ge 300 ]; then',
  '    systemctl reboot',
  '    sleep infinity',
  '  fi',
  'done',
])
