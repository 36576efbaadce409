/** The codes of symptoms, refusals, and warnings about booting and installing nodes. */
import { defineCodes } from '../text/codes.ts'
import { stateCodes } from './state-codes.ts'

export const installCodes = defineCodes({
  'boot.no-loader-for-architecture': {
    meaning: 'the firmware requested a boot loader for an architecture or boot method that is not served',
    remedy: 'Set the firmware to PXE or HTTP boot as x64 or arm64 UEFI, or to PXE as BIOS',
  },
  'boot.request-refused': {
    meaning: 'slipway refused the DHCP request of a declared node',
    remedy: "Compare the node's address in the site file with the network that the node is connected to",
  },
  'boot.offer-not-accepted': {
    meaning: 'the node requested an address but did not accept the offer',
    remedy: 'Look for another DHCP server, and make the switch port an edge port',
  },
  'boot.other-dhcp-server': {
    meaning: 'the node accepted the offer of another DHCP server',
    remedy: 'Turn the other DHCP server off on this network, or list it under server.peers',
  },
  'boot.loader-not-requested': {
    meaning: 'the firmware accepted its address but did not request its boot loader',
    remedy: 'Open UDP port 69, or set `pxeOptions: true` for the node',
  },
  'boot.http-loader-not-requested': {
    meaning: 'the firmware accepted its address for HTTP Boot but did not request its boot loader',
    remedy: 'Allow plain HTTP in the firmware setup, or boot the machine by PXE',
  },
  'boot.loader-missing': {
    meaning: 'the node requested a boot loader that does not exist on this server',
    remedy: 'Install the iPXE package, or name the file under `tftp.loaders`',
  },
  'boot.server-file-missing': {
    meaning: 'the node requested a file that this server cannot send',
    remedy: 'Fix the file that the message names on the server, then boot the node again',
  },
  'boot.loader-only-probed': {
    meaning: 'the node requested the size of its boot loader but never the file',
    remedy: 'Set `tftp: { singlePort: true }`, or `loader: snponly`',
  },
  'boot.loader-blocked': {
    meaning: 'the transfer of the boot loader stopped after its first blocks',
    remedy: 'Set `tftp: { singlePort: true }`, or enable connection tracking for TFTP in the firewall',
  },
  'boot.loader-interrupted': {
    meaning: 'the transfer of the boot loader was interrupted',
    remedy: 'Check the MTU and the errors of the switch ports between this server and the node',
  },
  'boot.loader-hangs': {
    meaning: 'the BIOS boot loader was sent but did not start iPXE',
    remedy: 'Boot the machine by UEFI, or update the firmware of its network card',
  },
  'boot.loader-rejected': {
    meaning: 'the UEFI boot loader was sent but did not start iPXE',
    remedy: 'Set another `loader`: with Secure Boot `shim`, see docs/secure-boot.md',
  },
  'boot.signature-rejected': {
    meaning:
      'the firmware fetched a loader that is not signed, and continued with its next boot entry at once',
    remedy: 'Set `loader: shim`, see docs/secure-boot.md, or turn Secure Boot off',
  },
  'boot.shim-rejected': {
    meaning: 'the firmware fetched shim, and continued with its next boot entry at once',
    remedy: 'Enable the third-party keys of Microsoft in the firmware setup, or use a current shim',
  },
  'boot.shim-stopped': {
    meaning: 'the machine fetched shim and requested nothing afterwards',
    remedy:
      'Read the console: use the current shim of the vendor if it is revoked (SBAT), or add the missing keys to the firmware',
  },
  'boot.grub-stopped': {
    meaning: 'the machine fetched GRUB, which never requested its script',
    remedy: 'Boot by PXE instead of HTTP Boot, or use GRUB 2.12 or later',
  },
  'boot.shim-rejects-grub': {
    meaning:
      'shim fetched GRUB, and then its key manager or the next boot entry: it does not accept the signature of GRUB',
    remedy: 'Use shim and GRUB of the same, current release of one vendor',
  },
  'boot.kernel-rejected': {
    meaning: 'GRUB fetched the kernel repeatedly and never requested the initramfs',
    remedy: 'Use shim, GRUB, and kernel of one vendor',
  },
  'boot.script-not-requested': {
    meaning: 'iPXE accepted its address but did not request its script',
    remedy: 'Open the HTTP port, and check the gateway of the subnet',
  },
  'boot.stopped-waiting': {
    meaning: 'a node that waited for its turn no longer requests its script',
    remedy: 'Look at its console, or power it on again',
  },
  'boot.waits-long': {
    meaning: 'a node has waited for its turn for more than 30 minutes',
    remedy: 'Check with `slipway status` why the server that it waits for does not start',
  },
  'boot.menu-waits': {
    meaning: 'the boot menu was sent, but no entry was selected',
    remedy: 'Select an entry at the console of the node',
  },
  'install.not-possible': {
    meaning: 'the installation cannot start because a file is missing or the node failed before',
    remedy: 'Fix what the message names, and reload slipway',
  },
  'install.kernel-not-requested': {
    meaning: 'the boot script was sent and the kernel was not requested',
    remedy: 'Read the last lines on the console of the node',
  },
  'install.download-stalled': {
    meaning: 'a download of the node has not progressed for a minute',
    remedy: 'Look at the console of the node and at the link of its switch port',
  },
  'install.kernel-interrupted': {
    meaning: 'the download of the kernel or the initramfs was interrupted',
    remedy: 'Read the error on the console, and give the machine at least 2 GiB of memory',
  },
  'install.initramfs-not-requested': {
    meaning: 'the kernel was sent and the initramfs was not requested',
    remedy: "Compare the image with the node's architecture",
  },
  'install.no-live-dhcp': {
    meaning: 'kernel and initramfs were sent, but no system requested an address',
    remedy: 'Set `console` of the node to read the messages of the kernel',
  },
  'install.live-not-responding': {
    meaning: 'kernel and initramfs were sent to a node with a static address, but no request followed',
    remedy: 'Compare `ip=` in the kernel arguments with the network cards of the node',
  },
  'install.live-offer-not-accepted': {
    meaning: 'the live system requested an address but did not accept the offer',
    remedy: 'Look for another DHCP server, or name the network card with `ip=CARD:dhcp`',
  },
  'install.rootfs-not-requested': {
    meaning: 'the live system has its address but did not request the rootfs',
    remedy: 'Read the messages of coreos-livepxe-rootfs on the console, and check the gateway',
  },
  'install.rootfs-interrupted': {
    meaning: 'the download of the rootfs was interrupted',
    remedy: 'Give the machine more memory',
  },
  'install.rootfs-repeated': {
    meaning: 'the node downloaded the rootfs several times but did not continue',
    remedy: 'Use the three image files of one release, and give the machine at least 4 GiB of memory',
  },
  'install.metal-interrupted': {
    meaning: 'the download of the metal image was interrupted',
    remedy: "Compare the node's `disk` with the disks on its console",
  },
  'install.disk-not-empty': {
    meaning: 'The target disk holds data, so slipway does not overwrite it without an administrator',
    remedy: 'Check that the disk may be erased, then run `slipway node install`; or set `wipe: always`',
  },
  'install.disk-not-selected': {
    meaning:
      'The declared disk does not exist on the machine, or not exactly one of its disks matches the hints',
    remedy: 'Correct `disk` with the properties in the message',
  },
  'install.disk-not-written': {
    meaning: 'the Ignition file was sent and the node did not report that its disk is written',
    remedy: 'Read the output of `journalctl -u coreos-installer` on the console',
  },
  'install.installer-failed': {
    meaning: 'the installer reported that it failed',
    remedy: 'Read the output of `journalctl -u coreos-installer` on the console, then arm the node again',
  },
  'install.not-rebooted': {
    meaning: 'the disk is written and the node has sent nothing since',
    remedy: 'Look at the console, and add the disk to the boot order',
  },
  'install.disk-does-not-boot': {
    meaning: 'the node was sent to its disk and booted from the network again',
    remedy:
      'Add the disk to the boot order after the network, and keep the firmware mode of the installation',
  },
  'install.disk-not-responding': {
    meaning: 'the node was sent to its disk, but no system requested an address',
    remedy: 'Look at the console of the node',
  },
  'install.failed': {
    meaning: 'the installation failed and slipway does not repeat it',
    remedy: 'Read `slipway node show`, then run `slipway node install`',
  },
  'install.armed-from-disk': {
    meaning: 'the node is armed to install, but started from its disk',
    remedy: 'Put network boot first in its boot order, then restart it',
  },
  'install.armed-not-seen': {
    meaning: 'the node was armed more than 15 minutes ago and has not booted from the network',
    remedy: 'Power the node on with the network first in its boot order',
  },
  'install.repeated': {
    meaning: 'several installation attempts of the node did not finish',
    remedy: 'Watch the console during one attempt',
  },
  'ignition.not-requested': {
    meaning: 'the live system runs but did not request its Ignition file',
    remedy: "Compare the node's `disk` with the output of `lsblk` on its console",
  },
  'ignition.refused': {
    meaning: 'slipway refused the Ignition file to the node',
    remedy:
      'Compare the address of the node with the site file, and boot it from the network again; run `slipway node install` before that only if its disk may be overwritten',
  },
  'ignition.interrupted': {
    meaning: 'the download of the Ignition file was interrupted',
    remedy: 'Look at the console of the node and at the link of its switch port',
  },
  'boot.no-dhcp-exchange': {
    meaning:
      'the machine requested a boot script, and its firmware or iPXE did not request its address from this server',
    remedy:
      'Restart the machine; if another DHCP server answers it, set `requireDhcp: false` for the cluster',
  },
  'boot.waits-for-server': {
    meaning: 'the node waits until a server provides machine configuration on port 22623',
    remedy: 'Install the bootstrap or the first control-plane node, or press the key that the console shows',
  },
  'install.not-declared': {
    meaning: 'the request names a node that the site file does not declare',
    remedy: 'Compare the name with the site file',
  },
  'install.not-armed': {
    meaning: 'an installation was selected for a node that must not be installed',
    remedy: 'Run `slipway node install` or `slipway node menu` for the node',
  },
  'install.installed-before': {
    meaning: 'slipway installed this machine before',
    remedy: 'Run `slipway node install` to install it again',
  },
  'install.in-cluster': {
    meaning: 'the cluster reports this machine as a node, so it boots from its disk',
    remedy: 'Run `slipway node install` to erase its disk and install it',
  },
  'install.cluster-not-read': {
    meaning:
      'the cluster of the node was running before and does not answer now, so slipway cannot know whether the node belongs to it',
    remedy: 'Make the API of the cluster reachable, or run `slipway node install` for the node',
  },
  'install.foreign-system': {
    meaning: 'a system that slipway did not install runs on this machine, so it boots from its disk',
    remedy: 'Run `slipway node install` to erase its disk and install it',
  },
  'install.unconfirmed': {
    meaning: 'a system requested an address after the installation, but no callback or cluster confirmed it',
    remedy: 'Check the node at its console; run `slipway node local` if it is installed',
  },
  'install.other-appliance': {
    meaning: 'another server of the site installs the nodes (`server.installer`)',
    remedy: 'Start that server, or set `server.installer` to this one in all site files',
  },
  'install.machine-replaced': {
    meaning: 'the MAC address of the node has changed: it is another machine',
    remedy: 'Check that the machine was replaced on purpose',
  },
  'install.same-machine': {
    meaning:
      'the SMBIOS UUID of the node is that of a machine with another MAC address that must not be installed again',
    remedy: 'If its network card was replaced, do nothing; to install the node, run `slipway node install`',
  },
  'install.disk-not-checked': {
    meaning:
      'nothing looks at the disk of the machine before its installer overwrites it, so slipway does not start the installation without an administrator',
    remedy:
      'Run `slipway node install` for each installation, or set `wipe: always`. For another operating system, add `{{slipway.diskCheck}}` to an answer file',
  },
  'install.script-unavailable': {
    meaning: 'A node waits, because the server with the script of another installer does not send it',
    remedy:
      'Read the reason, start that server or correct script in the site file; the node continues automatically',
  },
  'install.file-missing': {
    meaning: 'a file that the installation needs is missing or cannot be read',
    remedy: 'Provide the file that the message names, and reload slipway',
  },
  'install.ignition-expired': {
    meaning: 'a certificate in the Ignition file has expired',
    remedy: 'Create the Ignition files again',
  },
  'ignition.not-installing': {
    meaning:
      'an Ignition file, or the permission to overwrite a disk, was requested for a node that is not being installed',
    remedy: 'Arm the node with `slipway node install` if it must be installed',
  },
  'ignition.wrong-token': {
    meaning: 'the token of the request is not the one of the installation in progress',
    remedy: 'Restart the node so that it gets its current script',
  },
  'ignition.wrong-role': {
    meaning: 'the requested Ignition file is not for the role of the installation in progress',
    remedy: 'Restart the node so that it gets its current script',
  },
  'ignition.wrong-address': {
    meaning: 'the request came from an address that the site file does not give to the node',
    remedy: 'Compare the address of the node with the site file',
  },
  'ignition.token-expired': {
    meaning: 'the token of the installation has expired',
    remedy: 'Restart the node so that it gets another token',
  },
  'ignition.too-many-reads': {
    meaning: 'the Ignition file was requested too often with one token',
    remedy: 'Restart the node so that it gets another token',
  },
  ...stateCodes,
})

export type InstallCode = keyof typeof installCodes

/** What is wrong with the state, or with a machine: a sentence with its code. */
export type StateProblem = { readonly code: InstallCode; readonly text: string }
