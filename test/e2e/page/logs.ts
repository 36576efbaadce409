/** The log of a live system during an installation, as `slipway-syslog.service` sends it (RFC 5424). */
import type { App } from '../../../src/app.ts'
import type { Act } from './lives.ts'

const [info, warning, error] = [6, 4, 3]

/** Seconds since the start of the live system, severity, program, and text. */
const lines: readonly (readonly [number, number, string, string])[] = [
  [0, info, 'kernel', 'Linux version 5.14.0-427.40.1.el9_4.x86_64 (mockbuild@x86-64.build.eng.example.net)'],
  [
    0,
    info,
    'kernel',
    'Command line: initrd=main coreos.live.rootfs_url=http://172.16.0.101/images/rhcos-4.17/rhcos-live-rootfs.x86_64.img coreos.inst.install_dev=/dev/sda ignition.firstboot ignition.platform.id=metal ip=dhcp console=tty0 console=ttyS0',
  ],
  [1, warning, 'kernel', 'ACPI BIOS Error (bug): Could not resolve symbol [\\_SB.PC00.TXHC.RHUB.SS01]'],
  [2, info, 'kernel', 'e1000e 0000:00:19.0 eno1: NIC Link is Up 1000 Mbps Full Duplex, Flow Control: Rx/Tx'],
  [4, info, 'NetworkManager', 'dhcp4 (eno1): state changed new lease, address=172.16.0.22'],
  [7, info, 'ignition', 'files: createFilesystemsFiles: createFiles: op(3): [finished] writing file'],
  [9, warning, 'chronyd', 'Could not resolve address of initstepslew server 2.rhel.pool.ntp.org'],
  [10, info, 'systemd', 'Starting CoreOS Installer...'],
  [11, error, 'kernel', 'I/O error, dev sr0, sector 0 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2'],
  [12, info, 'coreos-installer', 'Installing Red Hat Enterprise Linux CoreOS 417.94.202411261220-0 x86_64'],
  [18, info, 'coreos-installer', '> Read disk 1.1 GiB/4.0 GiB (27%)'],
  [25, info, 'coreos-installer', '> Read disk 4.0 GiB/4.0 GiB (100%)'],
  [26, info, 'coreos-installer', 'Writing Ignition config'],
  [27, info, 'coreos-installer', 'Install complete.'],
  [28, info, 'systemd', 'Reached target System Reboot.'],
]

/** @param startedAt of the live system, in milliseconds since the start of the simulation */
export function logActs(app: () => App, node: string, startedAt: number): Act[] {
  return lines.map(([seconds, severity, program, text]) => ({
    at: startedAt + seconds * 1000,
    async run() {
      const logs = app().services.find(({ nodeLogs }) => nodeLogs !== undefined)?.nodeLogs
      logs?.add(node, Buffer.from(`<${8 + severity}>1 - - ${program} - - - ${text}`))
      await Promise.resolve()
    },
  }))
}
